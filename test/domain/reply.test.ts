import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/domain/json.ts'
import { isSafeName, makeSafe, splitReply } from '../../src/domain/reply.ts'

const lines = (...all: string[]): string => all.join('\n')

describe('a reply', () => {
  test.each<readonly [string, string, number, readonly string[]]>([
    ['that fits is one part, as it is', '  a\n\nb ', 7, ['  a\n\nb ']],
    ['of nothing has no parts', '', 10, []],
    ['of white space has no parts', ' \n\t\n '.repeat(10), 10, []],
    ['is cut at the last paragraph that fits', 'one\n\ntwo\n\nthree four', 12, ['one\n\ntwo', 'three four']],
    ['is cut at a paragraph rather than at a later line', 'one\n\ntwo\nthree\nfour', 14, ['one', 'two\nthree\nfour']],
    ['is cut at the last line that fits', 'one two\nthree four\nfive', 18, ['one two\nthree four', 'five']],
    ['is cut at a line rather than at a later word', 'one\ntwo three four', 10, ['one', 'two three', 'four']],
    ['is cut at the last word that fits', 'one two three four', 9, ['one two', 'three', 'four']],
    ['is cut just behind a word that fits', 'one two three', 7, ['one two', 'three']],
    ['is cut inside a word that is too long', 'abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['loses the white space at a cut only', 'one  two   three', 8, ['one  two', 'three']],
    ['keeps the indentation of a line', 'one\n\n\n    two three', 12, ['one', '    two', 'three']],
    ['with Windows line ends is cut at them', 'one\r\n\r\ntwo\r\nthree', 12, ['one', 'two\r\nthree']],
    ['is never cut inside a code point', '😀😀😀', 5, ['😀😀', '😀']],
    ['is not cut inside a character of many code points', '👩‍👩‍👧a👩‍👩‍👧b', 12, ['👩‍👩‍👧a', '👩‍👩‍👧b']],
    ['is not cut between a letter and its accent', 'ae\u0301ae\u0301', 5, ['ae\u0301a', 'e\u0301']],
    ['without spaces is cut between words', '我们今天学习中文', 7, ['我们今天学习', '中文']],
    ['keeps an address whole', 'see https://example.com/abc', 24, ['see', 'https://example.com/abc']],
    ['with two code units a part still comes out whole', '😀a😀', 1, ['😀', 'a', '😀']],
  ])('%s', (_, text, max, parts) => {
    expect(splitReply(text, max)).toEqual(parts)
  })

  test('closes a code fence at a cut and opens it again, with its language', () => {
    const code = lines('```ts', 'const a = 1', 'const b = 2', 'const c = 3', '```', 'Done.')
    expect(splitReply(code, 36)).toEqual([
      lines('```ts', 'const a = 1', 'const b = 2', '```'),
      lines('```ts', 'const c = 3', '```', 'Done.'),
    ])
  })

  test('is cut before a fence rather than inside it', () => {
    const text = lines('Look:', '```', 'one', 'two', '```', 'Done, then.')
    expect(splitReply(text, 25)).toEqual([lines('Look:', '```', 'one', 'two', '```'), 'Done, then.'])
    expect(splitReply(text, 20)).toEqual(['Look:', lines('```', 'one', 'two', '```'), 'Done, then.'])
  })

  test('takes an empty line in code for no paragraph', () => {
    const text = lines('```', 'one', '', 'two', 'three', '```', 'after it')
    expect(splitReply(text, 24)).toEqual([lines('```', 'one', '', 'two', 'three', '```'), 'after it'])
  })

  test.each([
    ['tildes', '~~~ sh', '~~~'],
    ['four backticks around three', '````md', '````'],
    ['an indentation', '  ```', '  ```'],
  ])('closes a fence of %s with its like', (_, open, close) => {
    const text = lines(open, 'one', '```', 'two', close)
    const max = lines(open, 'one', close).length + 1
    const [first = ''] = splitReply(lines(open, 'one', 'two', 'three', close), Math.max(max, 4 * open.length))
    expect(first.startsWith(`${open}\n`) && first.endsWith(`\n${close}`)).toBe(true)
    if (close.trim() !== '```') expect(splitReply(text, text.length)).toEqual([text])
  })

  test('shows no empty fence when the cut falls on its end', () => {
    const text = lines('```', 'one', 'two', '```   ', 'after')
    expect(splitReply(text, 15)).toEqual([lines('```', 'one', 'two', '```'), 'after'])
  })

  test('takes backticks in a line, and an over-long fence, for text', () => {
    expect(splitReply('```not code``` one two', 16)).toEqual(['```not code```', 'one two'])
    expect(splitReply(`\`\`\`${'x'.repeat(40)}\none two`, 50)).toEqual([`\`\`\`${'x'.repeat(40)}`, 'one two'])
  })

  test('takes backticks that only a cut brought to the beginning of a line for text', () => {
    const text = lines('one two three four five ```', 'six seven eight nine ten eleven')
    expect(splitReply(text, 24)).toEqual(['one two three four five', '```', 'six seven eight nine ten', 'eleven'])
  })

  test('shows no empty fence when the first line of code is too long', () => {
    const code = 'x'.repeat(30)
    const part = (length: number) => lines('```js', 'x'.repeat(length), '```')
    expect(splitReply(lines('```js', code, '```'), 24)).toEqual([part(14), part(14), part(2)])
  })

  test('leaves a fence open at its end if the text does', () => {
    expect(splitReply(lines('```', 'one', 'two', 'three'), 16)).toEqual([lines('```', 'one', 'two', '```'), lines('```', 'three')])
  })
})

/** Fence lines and white space apart, what remains of a text. */
const bare = (text: string): string => text.replace(/^[ \t]*(`{3,}|~{3,})[^`\n]*$/gm, '').replace(/\s+/g, '')

/** Whether a fence is open at the end; a second, simpler reader. */
function isOpen(text: string): boolean {
  let open = ''
  for (const line of text.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (mark && !open) open = mark
    else if (mark?.startsWith(open) && line.trim() === mark) open = ''
  }
  return open !== ''
}

describe('whatever the text', () => {
  const word = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('word', 'longer-word', '你好世界', '👩‍👩‍👧', 'https://example.com/'),
  )
  const prose = fc.array(word, { maxLength: 12 }).map(words => words.join(' ').replaceAll(/[`~\n]/g, ''))
  const text = fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: prose },
        { weight: 2, arbitrary: fc.constantFrom('', '   ', '    indented') },
        { weight: 3, arbitrary: fc.constantFrom('```', '```ts', '~~~', '````', '  ```') },
      ),
      { maxLength: 40 },
    )
    .map(all => all.join('\n'))

  test('nothing but white space is lost, and every part fits', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 200 }), (whole, max) => {
        const parts = splitReply(whole, max)
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(max)
          expect(part.trim()).not.toBe('')
          expect(part.isWellFormed()).toBe(true)
        }
        // Below that a fence is only text, and may be cut like text.
        if (max >= 24) expect(parts.map(bare).join('')).toBe(bare(whole))
      }),
      { numRuns: 2_000 },
    )
  })

  test('of any characters at all, the parts put together are the text without some white space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 2, max: 40 }), (whole, max) => {
        fc.pre(!/```|~~~/.test(whole))
        const parts = splitReply(whole, max)
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(max)
        expect(parts.join('').replace(/\s/g, '')).toBe(whole.replace(/\s/g, ''))
        if (whole.isWellFormed()) for (const part of parts) expect(part.isWellFormed()).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('no part but the last leaves a fence open', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 24, max: 200 }), (whole, max) => {
        const parts = splitReply(whole, max)
        for (const part of parts.slice(0, -1)) expect(isOpen(part)).toBe(false)
        if (parts.length > 1 && !isOpen(whole)) expect(isOpen(parts.at(-1) ?? '')).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  // Quadratic work would take minutes here, and so end in the runner's time-out.
  test.each([
    ['one word', 'a'],
    ['spaces', ' '],
    ['empty lines', '\n'],
    ['words', 'hello world '],
    ['words without spaces', '你好世界'],
    ['accents', '\u0301'],
    ['code', 'let a = 1\n'],
    ['fences', '```\n'],
  ])('a megabyte of %s is split in one pass', (_, unit) => {
    for (const max of [50, 4_000]) {
      const parts = splitReply(`\`\`\`js\n${unit.repeat(1_000_000 / unit.length)}x`, max)
      for (const part of parts) expect(part.length).toBeLessThanOrEqual(max)
    }
  })
})

describe('what is posted', () => {
  test('loses what makes a file on the mesh unreadable, in every string and key', () => {
    const poison = String.fromCharCode(...Array.from({ length: 0x20 }, (_, code) => code))
    expect(makeSafe(poison)).toBe('\b\t\n\f\r')
    expect(makeSafe({ ['a\u0000']: [`b\u0007`, { c: 'd\u001f' }], n: 1, t: true, z: null })).toEqual({
      a: ['b', { c: 'd' }],
      n: 1,
      t: true,
      z: null,
    })
  })

  test('has U+FFFD for half a surrogate pair', () => {
    expect(makeSafe('\ud83d a \ude00 😀')).toBe('\ufffd a \ufffd 😀')
    expect(makeSafe({ ['\ud83d']: '\ude00' })).toEqual({ '\ufffd': '\ufffd' })
  })

  test('is otherwise letter for letter what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }) as fc.Arbitrary<Json>, value => {
        fc.pre(!/\\u00[01]/.test(JSON.stringify(value)))
        expect(JSON.stringify(makeSafe(value))).toBe(JSON.stringify(value))
      }),
    )
  })

  test('is safe whatever it was', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)) }) as fc.Arbitrary<Json>,
        value => {
          // JSON writes what is poisonous, and every lone surrogate, as an escape.
          expect(JSON.stringify(makeSafe(value)).replaceAll('\\\\', '')).not.toMatch(/\\u/)
        },
      ),
    )
  })

  test('keeps a key called __proto__ as a key', () => {
    expect(JSON.stringify(makeSafe(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}')
  })
})

describe('a name', () => {
  test.each(['alice', 'a', '...', '.a', 'a b', '张三', 'zoë', '😀', 'a%2Fb', 'a\\b', '-', '_', '@', 'x'.repeat(255)])(
    '%j may stand in a request',
    name => {
      expect(isSafeName(name)).toBe(true)
    },
  )

  test.each([
    '',
    '.',
    '..',
    '/',
    'a/b',
    '../x',
    'a#b',
    'a?b',
    'a\u0000',
    '\u001f',
    '\n',
    '\u007f',
    '\u0085',
    '\u009f',
    '\ud800',
    'a\udc00',
    'x'.repeat(256),
  ])('%j may not', name => {
    expect(isSafeName(name)).toBe(false)
  })
})
