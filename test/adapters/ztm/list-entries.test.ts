import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eachEntry } from '../../../src/adapters/ztm/list-entries.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** What a parser of the whole makes of it; null when that is no array. */
function asWhole(body: Uint8Array): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

function inParts(body: Uint8Array): readonly unknown[] | null {
  const entries: unknown[] = []
  return eachEntry(body, entry => entries.push(entry)) ? entries : null
}

const list = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 6 })
const spaced = fc.tuple(list, fc.constantFrom('', ' ', '\n', '\t \r\n')).map(([value, space]) => {
  const entries = value.map(entry => `${space}${JSON.stringify(entry, null, space)}${space}`)
  return `${space}[${entries.length > 0 ? entries.join(',') : space}]${space}`
})

test('the entries of any array are those of the whole', () => {
  fc.assert(
    fc.property(spaced, text => {
      expect(inParts(bytesOf(text))).toEqual(JSON.parse(text))
    }),
  )
})

test('what is damaged is refused, or is what a parser of the whole makes of it', () => {
  const damaged = fc.tuple(spaced, fc.nat(), fc.constantFrom(...'[]{},:"\\x1 ')).map(([text, place, character]) => {
    const at = place % (text.length + 1)
    return [text.slice(0, at) + character + text.slice(at), text.slice(0, at) + character + text.slice(at + 1), text.slice(0, at)]
  })
  fc.assert(
    fc.property(damaged, texts => {
      for (const text of texts) expect(inParts(bytesOf(text)), text).toEqual(asWhole(bytesOf(text)))
    }),
    { numRuns: 500 },
  )
})

test.each([
  '',
  ' ',
  '[',
  '[1',
  '[1,',
  '[1,]',
  '[,1]',
  '[1 2]',
  '[1]x',
  '[1]]',
  '{"a":[1]}',
  'null',
  '"[1]"',
  '<html>[1]</html>',
  '["a]',
  '["a\\"]',
])('%j is no list', text => {
  expect(inParts(bytesOf(text))).toBeNull()
})

test('an error of whoever takes an entry is theirs', () => {
  expect(() =>
    eachEntry(bytesOf('[1]'), () => {
      throw new RangeError('enough')
    }),
  ).toThrow('enough')
})
