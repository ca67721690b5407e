/** What holds for every parser, whatever it was given. */
import assert from 'node:assert/strict'
import { ConfigInvalid, ZtmChatError } from '../../src/domain/errors.ts'

/** Nobody's JSON gives a field to every object. */
export function unpolluted(): void {
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) {
    assert.deepEqual(Object.keys(prototype), [])
    assert.equal('polluted' in prototype, false)
  }
}

const SENTENCE_CHARACTERS_MAX = 2_500

/** One line that can be shown on a terminal: nothing in it moves the cursor, turns the direction of reading, or is a stack. */
export function isSentence(text: string): void {
  assert.equal(typeof text, 'string')
  assert.ok(text.length > 0 && text.length <= SENTENCE_CHARACTERS_MAX, `a sentence of ${text.length} characters`)
  assert.doesNotMatch(text, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u)
  assert.doesNotMatch(text, /\[object |\bundefined\b(?!\))|^\s+at |\bnode:internal/)
}

/** A failure that this product expects, told in sentences. */
export function isExpected(error: unknown): asserts error is ZtmChatError {
  if (!(error instanceof ZtmChatError)) throw error
  for (const sentence of error instanceof ConfigInvalid ? error.problems : [error.message]) isSentence(sentence)
}

/** The value, or an expected failure and nothing else. */
export async function valueOrExpected<Value>(call: () => Value | Promise<Value>): Promise<Value | null> {
  try {
    return await call()
  } catch (error) {
    isExpected(error)
    return null
  }
}
