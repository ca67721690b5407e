/** Texts, JSON and bytes that nobody means well with. All of it plain JSON itself, so that a finding can be kept. */
import fc from 'fast-check'
import type { Json } from '../../src/domain/json.ts'

/** Bytes as a text of characters up to U+00FF. */
export const bytesOf = (latin1: string): Buffer => Buffer.from(latin1, 'latin1')
export const latin1Of = (text: string): string => Buffer.from(text).toString('latin1')

const NASTY = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '/',
  '\\',
  '#',
  '?',
  '%2e%2e%2f',
  '%',
  '%E0%A4%A',
  '*',
  '\0',
  '\r\n',
  '\u001b[31m',
  '\u0007',
  '\u202eecila',
  '\u2066alice\u2069',
  'alice\u200b',
  '\ufeffalice',
  '\u0430lice',
  'ａｌｉｃｅ',
  'e\u0301',
  '\u00e9',
  'Z\u0351\u036b\u0343\u036a\u0302\u036b',
  '\ud800',
  '\udc00x',
  '👩‍👩‍👧‍👦',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  '__defineGetter__',
  'NaN',
  '-0',
  '1e999',
  '9007199254740993',
  'null',
  '<script>alert(1)</script>',
  '"',
  "'",
  '$(id)`id`',
  '-----BEGIN PRIVATE KEY-----',
  'http://user:hunter2@host/?token=hunter2',
  '//[',
  'x'.repeat(300),
  'ü'.repeat(5_000),
]

/** Names of people and groups, paths, words. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...NASTY), fc.constantFrom(...NASTY)).map(([a, b]) => a + b) },
  { weight: 1, arbitrary: fc.array(fc.nat(0xffff), { maxLength: 8 }).map(units => String.fromCharCode(...units)) },
)

const number = fc.oneof(
  fc.constantFrom('0', '-0', '1', '-1', '1.5', '1e999', '-1e999', '1e-999', '9007199254740993', '1795462000000', '99999999999999999999'),
  fc.double().map(value => (Number.isFinite(value) ? String(value) : '0')),
  fc.integer().map(String),
)

const { text } = fc.letrec<{ text: string; deep: string }>(tie => ({
  text: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '""', '[]', '{}'),
    number,
    nastyText.map(value => JSON.stringify(value)),
    fc.array(tie('text'), { maxLength: 4 }).map(items => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(nastyText, tie('text')), { maxLength: 4 })
      .map(entries => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
    tie('deep'),
  ),
  deep: fc.constantFrom(
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '[{"__proto__":[],"length":1e9}]',
    `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
    `${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`,
  ),
}))

/** The text of JSON; `JSON.stringify` could not write all of it (`__proto__` as a field of its own, `-0`, `1e999`). */
export const jsonText: fc.Arbitrary<string> = text

export const jsonValue: fc.Arbitrary<Json> = jsonText.map(written => JSON.parse(written) as Json)

type Change = { readonly at: number; readonly length: number; readonly put: string }

/** What changes a good text into one that is nearly good. */
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(200)),
  put: fc.oneof(fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '\n', '\0', '\u00ff', '<', '0', '-'), jsonText, nastyText),
})

const changed = (good: string, changes: readonly Change[]): string =>
  changes.reduce((rest, { at, length, put }) => {
    const from = Math.floor(at * rest.length)
    return rest.slice(0, from) + put + rest.slice(from + length)
  }, good)

/** One of the good texts, with some changes; now and then as it is. */
export const nearly = (...good: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...good), fc.array(change, { maxLength: 4 })).map(([one, changes]) => changed(one, changes))

/** JSON whose values, at any depth, may be something else: what a schema has to catch. */
export const nearlyValue = (...good: readonly unknown[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...good), fc.array(fc.tuple(fc.nat(), fc.oneof(jsonText, fc.constant(null))), { maxLength: 3 }))
    .map(([one, swaps]) => swaps.reduce((written, [nth, put]) => swapped(written, nth, put), JSON.stringify(one)))

/** The text with the nth of its plain values replaced; null takes the whole value out and leaves a hole. */
function swapped(written: string, nth: number, put: string | null): string {
  const tokens = [...written.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|-?\d+(?:\.\d+)?|true|false|null/g)]
  const token = tokens[nth % Math.max(1, tokens.length)]
  return token === undefined ? written : written.slice(0, token.index) + (put ?? '') + written.slice(token.index + token[0].length)
}

/** What is no JSON at all. */
export const garbage: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', ' ', '<html>', '<!doctype html><title>hi</title>', '{', '[1,', 'null garbage', '\u0000\u0001', '\ufeff[]'),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

/** What it says, or the text itself where it is no JSON. */
export function readAsJson(written: string): Json {
  try {
    return JSON.parse(written) as Json
  } catch {
    return written
  }
}
