import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FILES_MAX, type ReadMessage, readMessage, replyKeyOf } from '../../src/domain/inbound.ts'
import type { Json } from '../../src/domain/json.ts'

const NOW = 1_700_000_000_000
const read = (message: Json | undefined, time: Json | undefined = NOW, max = 100): ReadMessage => readMessage({ time, message }, max)
const text = (of: string, more: Partial<ReadMessage & { kind: 'text' }> = {}): ReadMessage => ({
  kind: 'text',
  text: of,
  cut: false,
  files: [],
  ...more,
})
const file = { name: 'a.txt', hash: 'ab', size: 1 }

describe('a message', () => {
  // biome-ignore format: one case a line
  test.each<readonly [string, Json | undefined, ReadMessage]>([
    ['plain text', { text: 'hello' }, text('hello')],
    ['text letter for letter', { text: ' <b>&amp;\n\t\ud800 ' }, text(' <b>&amp;\n\t\ud800 ')],
    ['text and a file', { text: 'look', files: [file] }, text('look', { files: [file] })],
    ['a file alone', { files: [file] }, text('', { files: [file] })],
    ['a file with empty text', { text: '  ', files: [file] }, text('  ', { files: [file] })],
    ['a file with a text of another type', { text: 7, files: [file] }, text('', { files: [file] })],
    ['files that are no files', { text: 'a', files: ['x', null, 3, [file]] }, text('a')],
    ['files that are no list', { text: 'a', files: { 0: file } }, text('a')],
  ])('with %s is read', (_, message, expected) => {
    expect(read(message)).toEqual(expected)
  })

  // biome-ignore format: one case a line
  test.each<readonly [Json | undefined, string]>([
    [undefined, 'message is missing, not an object'],
    [null, 'message is null, not an object'],
    ['hello', 'message is a string, not an object'],
    [5, 'message is a number, not an object'],
    [true, 'message is a boolean, not an object'],
    [[{ text: 'a' }], 'message is a list, not an object'],
    [{}, 'text is missing, not a string'],
    [{ text: null }, 'text is null, not a string'],
    [{ text: 5 }, 'text is a number, not a string'],
    [{ text: ['a'] }, 'text is a list, not a string'],
    [{ text: { text: 'a' } }, 'text is an object, not a string'],
    [{ text: '' }, 'text is empty, and there is no file'],
    [{ text: ' \n\t\u3000' }, 'text is empty, and there is no file'],
    [{ text: '', files: [] }, 'text is empty, and there is no file'],
    [{ text: '', files: [1] }, 'text is empty, and there is no file'],
    [{ Text: 'a' }, 'text is missing, not a string'],
    [JSON.parse('{"__proto__":{"text":"a","files":[{}]}}'), 'text is missing, not a string'],
  ])('that is %j is unsupported', (message, why) => {
    expect(read(message)).toEqual({ kind: 'unsupported', why })
  })

  // biome-ignore format: one case a line
  test.each<readonly [Json | undefined, string]>([
    [undefined, 'time is missing, not a number'],
    [null, 'time is null, not a number'],
    ['1700000000000', 'time is a string, not a number'],
    [-1, 'time is not a number of milliseconds since 1970'],
    [JSON.parse('1e999'), 'time is not a number of milliseconds since 1970'],
    [Number.NaN, 'time is not a number of milliseconds since 1970'],
  ])('dated %j is unsupported', (time, why) => {
    expect(readMessage({ time, message: { text: 'a' } }, 100)).toEqual({ kind: 'unsupported', why })
  })

  test.each([0, 0.5, 1e300])('dated %d is read', time => {
    expect(read({ text: 'a' }, time)).toEqual(text('a'))
  })

  test('is read by its own fields, not by what it inherits', () => {
    const inherits = Object.create({ text: 'a', files: [file], ztmChat: { key: 'abc#0' } })
    expect([read(inherits).kind, replyKeyOf(inherits)]).toEqual(['unsupported', null])
  })

  test('too long is cut before a character, and says so', () => {
    expect(read({ text: '1234567890' }, NOW, 10)).toEqual(text('1234567890'))
    expect(read({ text: '12345678901' }, NOW, 10)).toEqual(text('1234567890… [cut: 1 more characters]', { cut: true }))
    expect(read({ text: '123456789\u{1f600}0' }, NOW, 10)).toEqual(text('123456789… [cut: 3 more characters]', { cut: true }))
  })

  test('with more files than we take, or with one that would trouble whoever keeps it, is read without them', () => {
    const many = Array.from({ length: FILES_MAX + 1 }, () => file)
    expect(read({ text: 'a', files: many })).toEqual(text('a', { files: many.slice(0, FILES_MAX) }))
    const deep: Json = JSON.parse(`{"a":${'['.repeat(300_000)}${']'.repeat(300_000)}}`)
    const wide = { list: Array.from({ length: 1_000 }, () => 0) }
    const long = { name: 'x'.repeat(20_000) }
    const longKey = { ['x'.repeat(20_000)]: 1 }
    expect(read({ text: 'a', files: [deep, file, wide, long, longKey] })).toEqual(text('a', { files: [file] }))
  })

  test('of any JSON is read or unsupported, and never an exception', () => {
    const field = fc.constantFrom('text', 'files', 'ztmChat', 'key', '__proto__', 'constructor', 'toJSON')
    const odd: fc.Arbitrary<Json> = fc.oneof(
      fc.jsonValue() as fc.Arbitrary<Json>,
      fc.dictionary(field, fc.oneof(fc.jsonValue() as fc.Arbitrary<Json>, fc.dictionary(field, fc.jsonValue() as fc.Arbitrary<Json>))),
    )
    fc.assert(
      fc.property(odd, fc.option(odd, { nil: undefined }), fc.nat(50), (message, time, max) => {
        const found = readMessage({ time, message }, max)
        if (found.kind === 'text' && !found.cut) expect(found.text.length).toBeLessThanOrEqual(max)
      }),
    )
  })
})

// biome-ignore format: one case a line
test.each<readonly [string, Json | undefined, string | null]>([
  ['our own post', { text: 'a', ztmChat: { key: 'abc#0' } }, 'abc#0'],
  ['a key of another type', { text: 'a', ztmChat: { key: 7 } }, null],
  ['an empty key', { text: 'a', ztmChat: { key: '' } }, null],
  ['a key that is too long', { text: 'a', ztmChat: { key: 'k'.repeat(201) } }, null],
  ['a key that just fits', { text: 'a', ztmChat: { key: 'k'.repeat(200) } }, 'k'.repeat(200)],
  ['metadata of another type', { text: 'a', ztmChat: 'abc#0' }, null],
  ['metadata in a list', { text: 'a', ztmChat: ['key'] }, null],
  ['nothing', undefined, null],
  ['a list', [{ ztmChat: { key: 'abc#0' } }], null],
])('which reply is %s is told by its key', (_, message, key) => {
  expect(replyKeyOf(message)).toBe(key)
})
