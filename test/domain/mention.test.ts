import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findMention } from '../../src/domain/mention.ts'

const BOT = 'my-bot'

/** Text, and what is left of it; null = no mention. */
const texts: readonly (readonly [text: string, rest: string | null])[] = [
  // Plain.
  ['@my-bot', ''],
  ['@my-bot hello', 'hello'],
  ['hello @my-bot', 'hello'],
  ['hello @my-bot world', 'hello world'],
  ['my-bot hello', null],
  ['hello', null],
  ['', null],
  ['@', null],
  ['@ my-bot', null],
  // Case: ASCII only.
  ['@My-Bot hi', 'hi'],
  ['@MY-BOT', ''],
  // Another @.
  ['＠my-bot hi', 'hi'],
  ['@@my-bot', null],
  ['＠@my-bot', null],
  ['@＠my-bot', null],
  // E-mail addresses and handles.
  ['mail bot@my-bot.example', null],
  ['alice@my-bot', null],
  ['a.b.@my-bot', null],
  ['x_@my-bot', null],
  ['x-@my-bot', null],
  ['7@my-bot', null],
  ['é@my-bot', null],
  ['e\u0301@my-bot', null],
  ['д@my-bot', null],
  ['٣@my-bot', null],
  ['𝐚@my-bot', null],
  ['안녕@my-bot', null],
  // Longer names.
  ['@my-bot2', null],
  ['@my-bot-x', null],
  ['@my-bot_x', null],
  ['@my-botany', null],
  ['@my-bot-', null],
  ['@my-bo', null],
  ['@my-bot.example', null],
  ['@my-bot..x', null],
  ['@my-bot._', null],
  // Punctuation.
  ['@my-bot.', '.'],
  ['@my-bot...', '...'],
  ['ask @my-bot. Now', 'ask . Now'],
  ['@my-bot, hi', ', hi'],
  ['@my-bot! @', '! @'],
  ['hi @my-bot?', 'hi ?'],
  ['@my-bot: hi', ': hi'],
  ['(@my-bot)', '()'],
  ['(@my-bot hi)', '( hi)'],
  ['[@my-bot]', '[]'],
  ['"@my-bot"', '""'],
  ['*@my-bot*', '**'],
  ['/@my-bot', '/'],
  ["@my-bot's turn", "'s turn"],
  ['@my-bot—hi', '—hi'],
  // Scripts written without spaces.
  ['你好@my-bot', '你好'],
  ['你好@my-bot请说', '你好请说'],
  ['你好 @my-bot 请说', '你好 请说'],
  ['ねえ@my-bot', 'ねえ'],
  ['スーパー@my-bot', 'スーパー'],
  ['สวัสดี@my-bot', 'สวัสดี'],
  ['ที่@my-bot', 'ที่'],
  ['ສະບາຍດີ@my-bot', 'ສະບາຍດີ'],
  ['សួស្តី@my-bot', 'សួស្តី'],
  ['မင်္ဂလာပါ@my-bot', 'မင်္ဂလာပါ'],
  ['𠀋@my-bot', '𠀋'],
  ['@my-bot你好', '你好'],
  ['。@my-bot', '。'],
  ['①@my-bot', '①'],
  // Other scripts with spaces, and right-to-left.
  ['привет @my-bot как дела', 'привет как дела'],
  ['שלום @my-bot מה נשמע', 'שלום מה נשמע'],
  ['مرحبا @my-bot', 'مرحبا'],
  ['\u2067@my-bot\u2069 שלום', '\u2067\u2069 שלום'],
  // What Unicode folds to ASCII letters is not the name.
  ['@my-boT', ''],
  ['@mу-bot', null],
  // Zero-width characters and emoji.
  ['a\u200b@my-bot', 'a\u200b'],
  ['@my-bot\u200bhi', '\u200bhi'],
  ['@my\u200b-bot', null],
  ['👍@my-bot', '👍'],
  ['❤\ufe0f@my-bot', '❤\ufe0f'],
  ['1\ufe0f\u20e3@my-bot', '1\ufe0f\u20e3'],
  ['@my-bot👍', '👍'],
  ['\ud83d@my-bot', '\ud83d'],
  // Several.
  ['@my-bot @my-bot hi', 'hi'],
  ['hi @my-bot @my-bot', 'hi'],
  ['@my-bot and @my-bot', 'and'],
  ['@my-bot, @my-bot2 and @other', ', @my-bot2 and @other'],
  ['bot@my-bot.example @my-bot hi', 'bot@my-bot.example hi'],
  ['@my-bot@my-bot', '@my-bot'],
  // Lines and code survive letter for letter.
  ['@my-bot\n    indented', '    indented'],
  ['@my-bot\r\nhi', 'hi'],
  ['hi\n@my-bot', 'hi'],
  ['hi\r\n@my-bot', 'hi'],
  ['a\n@my-bot\nb', 'a\n\nb'],
  ['a\n    @my-bot b', 'a\n    b'],
  ['a @my-bot\n\n  b', 'a\n\n  b'],
  ['  @my-bot  hi  ', '   hi  '],
  ['```\n@my-bot x < y && z\n```', '```\nx < y && z\n```'],
  ['run `@my-bot` now', 'run `` now'],
  ['@my-bot <b>&amp;</b>\t"x"', '<b>&amp;</b>\t"x"'],
]

describe('a mention of my-bot', () => {
  test.each(texts)('in %j leaves %j', (text, rest) => {
    expect(findMention(text, BOT)).toEqual({ mentioned: rest !== null, text: rest ?? text })
  })

  test.each([
    ['@a.b hi', 'a.b', 'hi'],
    ['@a.b. hi', 'a.b', '. hi'],
    ['@a.b.c hi', 'a.b', null],
    ['@aXb hi', 'a.b', null],
    ['@a.b hi', 'a', null],
    ['@bot. hi', 'bot.', 'hi'],
    ['@bot hi', 'bot.', null],
    ['@_-. hi', '_-.', 'hi'],
    ['@.* hi', '.*', 'hi'],
    ['@anything', '.*', null],
    ['@BIT', 'bit', ''],
    ['@bıt', 'bit', null],
    ['@bİt', 'bit', null],
    ['@\u212aim', 'kim', null],
    ['@bo\u017f', 'bos', null],
    ['@ hi', '', null],
  ])('%j of the bot %j leaves %j', (text, name, rest) => {
    expect(findMention(text, name)).toEqual({ mentioned: rest !== null, text: rest ?? text })
  })
})

const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,20}$/)

describe('whatever the text', () => {
  test('only the mention and at most one blank go', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('@my-bot', '＠MY-BOT', ' ', '\n', '\r\n', '.', '@', '你', 'a', '\t'),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
        const text = pieces.join('')
        const found = findMention(text, BOT)
        if (!found.mentioned) expect(found.text).toBe(text)
        const bare = (value: string) => value.replace(/[ \t\r\n]/g, '')
        const inOrder = new RegExp(
          `^${bare(text)
            .split(/([@＠]my-bot)/i)
            .map((part, i) =>
              i % 2 ? `(?:${part})?` : part.replace(/[^\p{L}\p{N}]/gu, unit => `\\u{${unit.codePointAt(0)?.toString(16)}}`),
            )
            .join('')}$`,
          'u',
        )
        expect(bare(found.text)).toMatch(inOrder)
        const mentions = text.match(/[@＠]my-bot/gi)?.length ?? 0
        expect(text.length - found.text.length).toBeLessThanOrEqual(mentions * ('@my-bot'.length + 2))
      }),
    )
  })

  test('a name between blanks is found, in any case', () => {
    fc.assert(
      fc.property(name, fc.string(), fc.string(), fc.boolean(), (bot, before, after, upper) => {
        const found = findMention(`${before} @${upper ? bot.toUpperCase() : bot} ${after}`, bot)
        expect(found.mentioned).toBe(true)
      }),
    )
  })

  test('a longer name is another one', () => {
    fc.assert(
      fc.property(name, fc.stringMatching(/^\.{0,3}[A-Za-z0-9_-]$/), (bot, more) => {
        expect(findMention(`hi @${bot}${more}`, bot).mentioned).toBe(false)
      }),
    )
  })

  test('an address is no mention', () => {
    fc.assert(
      fc.property(name, fc.stringMatching(/^[A-Za-z0-9_.@-]$/), (bot, before) => {
        expect(findMention(`${before}@${bot}`, bot).mentioned).toBe(false)
      }),
    )
  })

  // Quadratic work would take minutes here, and so end in the runner's time-out.
  test.each([
    ['mentions', '@my-bot ', '@my-bot '.length],
    ['mentions on lines', '@my-bot\n', '@my-bot\n'.length],
    ['signs', '@', 1],
    ['accents', '\u0301', 1],
    ['dots', '@my-bot....', '@my-bot....'.length],
  ])('a very long row of %s takes one pass', (_, unit, length) => {
    const text = unit.repeat(Math.ceil(4_000_000 / length))
    expect(typeof findMention(`a${text}@my-bot`, BOT).mentioned).toBe('boolean')
  })
})
