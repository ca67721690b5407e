import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/domain/json.ts'
import { type Identity, identify, messageId, type Posted } from '../../src/domain/message-id.ts'

const hello: Identity = { chat: 'peer:alice', sender: 'alice', time: 1_700_000_000_000, content: { text: 'hello' }, ordinal: 0 }

describe('the id of a message', () => {
  test('is 24 hex digits, and stays the same from version to version', () => {
    expect(messageId(hello)).toBe('2f8b30c31f10ada12dedd51e')
  })

  // biome-ignore format: one pair a line
  test.each<readonly [string, Partial<Identity>, Partial<Identity>]>([
    ['chat', { chat: 'peer:alice' }, { chat: 'peer:bob' }],
    ['kind of chat', { chat: 'group:a/b' }, { chat: 'peer:a/b' }],
    ['sender', { sender: 'alice' }, { sender: 'Alice' }],
    ['border between chat and sender', { chat: 'peer:a', sender: 'bc' }, { chat: 'peer:ab', sender: 'c' }],
    ['time', { time: 1 }, { time: 2 }],
    ['time of another type', { time: 1 }, { time: '1' }],
    ['missing time', { time: undefined }, { time: null }],
    ['ordinal', { ordinal: 0 }, { ordinal: 1 }],
    ['missing content', { content: undefined }, { content: null }],
    ['text', { content: { text: 'a' } }, { content: { text: 'b' } }],
    ['type', { content: { text: '1' } }, { content: { text: 1 } }],
    ['true and its name', { content: true }, { content: 'true' }],
    ['list and object', { content: [] }, { content: {} }],
    ['list and its only item', { content: ['a'] }, { content: 'a' }],
    ['nesting', { content: [['a'], 'b'] }, { content: [['a', 'b']] }],
    ['empty list at the end', { content: [1, []] }, { content: [[1]] }],
    ['order of a list', { content: [1, 2] }, { content: [2, 1] }],
    ['key and value', { content: { a: 'b' } }, { content: { b: 'a' } }],
    ['one string or two', { content: ['a,b'] }, { content: ['a', 'b'] }],
    ['digits that look like a length', { content: ['1;a', ''] }, { content: ['1;', 'a'] }],
    ['different lone surrogates', { content: '\ud800' }, { content: '\ud801' }],
    ['a lone surrogate and U+FFFD', { content: '\ud800' }, { content: '\ufffd' }],
    ['a pair and its halves', { content: ['\ud83d\ude00'] }, { content: ['\ud83d', '\ude00'] }],
    ['Unicode forms', { content: 'zo\u00eb' }, { content: 'zoe\u0308' }],
    ['an unusual key', { content: JSON.parse('{"__proto__":1}') }, { content: {} }],
    ['numbers next to each other', { content: 0.1 }, { content: 0.1 + Number.EPSILON / 8 }],
  ])('differs by %s', (_, one, other) => {
    expect(messageId({ ...hello, ...one })).not.toBe(messageId({ ...hello, ...other }))
  })

  test('does not depend on the order of keys', () => {
    const one = { b: 1, a: { d: [1, { y: 1, x: 2 }], c: null } }
    const other = { a: { c: null, d: [1, { x: 2, y: 1 }] }, b: 1 }
    expect(messageId({ ...hello, content: one })).toBe(messageId({ ...hello, content: other }))
  })

  test('takes -0 for 0 and an undefined field for none, as writing JSON does', () => {
    expect(messageId({ ...hello, content: [-0] })).toBe(messageId({ ...hello, content: [0] }))
    expect(messageId({ ...hello, content: { text: 'a', files: undefined } })).toBe(messageId({ ...hello, content: { text: 'a' } }))
  })

  test('can be made of anything that JSON.parse gives, however deep', () => {
    const depth = 300_000
    const deep = (inner: string): Json => JSON.parse(`${'['.repeat(depth)}${inner}${']'.repeat(depth)}`)
    expect(messageId({ ...hello, content: deep('1') })).not.toBe(messageId({ ...hello, content: deep('2') }))
  })
})

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json[]>(null, true, false, 0, 1, '', 'a', '1', '\ud800', 's1;a', '[]'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '', '__proto__', 's1;a'), tie('value'), { maxKeys: 3 }),
  ),
})).value

/** As JSON sees it: by another way than the one under test. */
const isEqual = (a: Json, b: Json): boolean => isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))

describe('whatever is posted', () => {
  test('two contents have the same id only when they are equal', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(messageId({ ...hello, content: a }) === messageId({ ...hello, content: b })).toBe(isEqual(a, b))
      }),
      { numRuns: 2_000 },
    )
  })

  test('writing and reading the JSON changes no id', () => {
    fc.assert(
      fc.property(json, content => {
        expect(messageId({ ...hello, content: JSON.parse(JSON.stringify(content)) })).toBe(messageId({ ...hello, content }))
      }),
    )
  })

  const posted: fc.Arbitrary<Posted> = fc.record({
    time: fc.constantFrom(1, 2, null, undefined),
    sender: fc.constantFrom('alice', 'bob', ''),
    message: fc.constantFrom<Json[]>({ text: 'a' }, { text: 'b' }, null, 'a'),
  })

  test('every message of a batch has an id of its own, and the same ids come out in any order', () => {
    const shuffled = fc
      .array(posted, { maxLength: 30 })
      .chain(batch => fc.tuple(fc.constant(batch), fc.shuffledSubarray(batch, { minLength: batch.length, maxLength: batch.length })))
    fc.assert(
      fc.property(shuffled, ([batch, other]) => {
        const one = identify('group:alice/team', batch)
        const two = identify('group:alice/team', other)
        expect(new Set(one.map(({ id }) => id)).size).toBe(batch.length)
        expect(two.map(({ id }) => id).sort()).toEqual(one.map(({ id }) => id).sort())
        // The same id names the same message.
        const byId = new Map(one.map(({ id, raw }) => [id, raw]))
        for (const { id, raw } of two) expect(raw).toEqual(byId.get(id))
      }),
    )
  })

  test('a batch and the single message agree', () => {
    const raw = { time: hello.time, sender: hello.sender, message: hello.content }
    expect(identify(hello.chat, [raw, raw]).map(({ id }) => id)).toEqual([messageId(hello), messageId({ ...hello, ordinal: 1 })])
  })
})
