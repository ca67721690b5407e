import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupChat, peerChat } from '../../src/domain/ids.ts'
import { displayName, plain, plainLines, printable, shownChat, shownDisplayName, shownName } from '../../src/domain/shown.ts'

describe('a name is shown so that it cannot be taken for another one', () => {
  test.each([
    ['a plain name', 'alice', 'alice'],
    ['with signs', 'my-bot_2.x', 'my-bot_2.x'],
    ['none', '', '""'],
    ['a Cyrillic a', '\u0430lice', '\u0430lice ‹Cyrillic, Latin›'],
    ['a Greek alpha', '\u03b1lice', '\u03b1lice ‹Greek, Latin›'],
    ['Latin letters of phonetics', '\u0251lice', '\u0251lice ‹Latin, U+0251›'],
    ['a dotless i', 'al\u0131ce', 'al\u0131ce ‹Latin, U+0131›'],
    ['full width', 'ａlice', 'ａlice ‹Latin, U+FF41›'],
    ['mathematical letters', '\u{1d41a}lice', '\u{1d41a}lice ‹Latin, U+1D41A›'],
    ['all Cyrillic', 'арсе', 'арсе ‹Cyrillic›'],
    ['Chinese', '张三', '张三 ‹Han›'],
    ['Japanese', 'さくら子', 'さくら子 ‹Han, Hiragana›'],
    ['an accent', 'josé', 'josé ‹Latin›'],
    ['the same accent, written apart', 'jose\u0301', 'josé ‹Latin›'],
    ['an accent that has no letter of its own', 'a\u0332lice', 'a\u0332lice ‹Latin, U+0332›'],
    ['a look-alike of a hyphen', 'my\u2010bot', 'my\u2010bot ‹Latin, U+2010›'],
    ['a picture', 'alice🦊', 'alice🦊'],
    ['turned around', '\u202eecila', '\\u{202e}ecila'],
    ['isolated', '\u2066alice\u2069', '\\u{2066}alice\\u{2069}'],
    ['a space of no width', 'ali\u200bce', 'ali\\u{200b}ce'],
    ['a filler that is a letter', 'alice\u3164', 'alice\\u{3164}'],
    ['a variation selector', 'alice\ufe0f', 'alice\\u{fe0f}'],
    ['a tag character', 'alice\u{e0041}', 'alice\\u{e0041}'],
    ['colours', '\u001b[31malice', '\\u{1b}[31malice'],
    ['a blank in it', 'alice b', 'alice b'],
    ['two blanks in it', 'alice  b', '"alice  b"'],
    ['a blank behind it', 'alice ', '"alice "'],
    ['a blank that does not break', 'alice\u00a0', '"alice\u00a0" ‹Latin, U+00A0›'],
    ['quotes', '"alice"', String.raw`"\"alice\""`],
    ['what we write for what is not seen', 'ali\\u{200b}ce', String.raw`"ali\\u{200b}ce"`],
    ['what we write beside a name', 'alice‹Latin›', 'alice‹Latin› ‹Latin, U+2039, U+203A›'],
    ['many odd characters', '‚‛“”', '‚‛“”' + ' ‹U+201A, U+201B, U+201C, …›'],
    ['half a surrogate pair', 'alice\ud800', 'alice\\u{d800}'],
    ['marks upon marks', `a${'\u0351'.repeat(6)}`, `a${'\u0351'.repeat(4)}\\u{351}\\u{351} ‹Latin, U+0351›`],
  ])('%s', (_, name, shown) => {
    expect(shownName(name)).toBe(shown)
  })

  test('whatever they are, two names that are not canonically the same are not shown the same', () => {
    const character = fc.oneof(
      fc.constantFrom(...'alice"\\ {}u20b‹›…,', '\u200b', '\u202e', '\u0430', '\ufe0f', '\u0301'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    )
    const name = fc.array(character, { maxLength: 6 }).map(characters => characters.join(''))
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(shownName(one) === shownName(other)).toBe(one.normalize('NFC') === other.normalize('NFC'))
      }),
      { numRuns: 2_000 },
    )
  })

  test('no two names that differ in one letter which looks alike are shown the same, even where the letters are not seen', () => {
    const alike = ['alice', '\u0430lice', '\u03b1lice', '\u0251lice', 'ａlice', '\u{1d41a}lice', 'alice\u200b', 'alice ', 'alice\u3164']
    // What a reader without the font sees: every letter beyond ASCII in a name is a box.
    const boxed = alike.map(name => shownName(name).replace(/^[^‹]*/, before => before.replace(/[^\0-\x7f]/gu, '□')))
    expect(new Set(boxed).size).toBe(alike.length)
  })
})

test('the names in a chat are shown like that', () => {
  expect(shownChat(peerChat('\u0430lice'))).toBe('peer:\u0430lice ‹Cyrillic, Latin›')
  expect(shownChat(groupChat('alice', '\u202emaet'))).toBe('group:alice/\\u{202e}maet')
})

//                                        name                  for a program            for people's eyes
test.each<[string, string, string | null, string | null]>([
  ['a plain one', ' The Team ', 'The Team', 'The Team'],
  ['one of blanks', ' \u00a0\n', null, null],
  ['of another script', 'Te\u0430m', 'Te\u0430m', 'Te\u0430m ‹Cyrillic, Latin›'],
  ['with what is not seen', 'a\u202eb\nc', 'a\\u{202e}b\\u{a}c', '"a\\u{202e}b\\nc"'],
  ['a long one', 'x'.repeat(81), `${'x'.repeat(80)}…`, `${'x'.repeat(80)}…`],
  ['a long one of pictures', '🦊'.repeat(1_000_000), `${'🦊'.repeat(80)}…`, `${'🦊'.repeat(80)}…`],
  ['one of its longest', '🦊'.repeat(80), '🦊'.repeat(80), '🦊'.repeat(80)],
])('the display name of a group is short and printable: %s', (_, name, forPrograms, forPeople) => {
  expect(displayName(name)).toBe(forPrograms)
  expect(shownDisplayName(name)).toBe(forPeople)
})

test('a foreign text in a sentence is short, and moves nothing', () => {
  expect(printable('a\u001b[2Jb\u2028c\u200bd', 10)).toBe('a\\u{1b}[2Jb\\u{2028}c\\u{200b}d')
  expect(printable('x'.repeat(300))).toBe(`${'x'.repeat(200)}…`)
  expect(plain('x'.repeat(300))).toBe('x'.repeat(300))
})

test('a text that stands by itself keeps its lines and its emoji, and hides nothing either', () => {
  expect(plainLines('one\r\n\ttwo\nthree')).toBe('one\n\ttwo\nthree')
  expect(plainLines('\u2764\ufe0f \u{1f469}\u200d\u{1f4bb}')).toBe('\u2764\ufe0f \u{1f469}\u200d\u{1f4bb}')
  expect(plainLines('a\u202eb\u200dc\ufe0f\rd')).toBe('a\\u{202e}b\\u{200d}c\\u{fe0f}\\u{d}d')
})
