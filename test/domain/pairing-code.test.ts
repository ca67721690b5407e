import { expect, test } from 'vitest'
import { createSeededRandom } from '../../src/adapters/memory/seeded-random.ts'
import { PAIRING_ALPHABET, pairingCode, pairingNotice } from '../../src/domain/pairing-code.ts'

test('a pairing code is 8 characters, none of which looks like another', () => {
  expect(pairingCode(() => 0)).toBe('AAAAAAAA')
  expect(pairingCode(below => below - 1)).toBe('99999999')
  expect(PAIRING_ALPHABET).not.toMatch(/[O01I]/)
  expect(new Set(PAIRING_ALPHABET).size).toBe(32)
})

test('every character turns up, and no code does twice', () => {
  const random = createSeededRandom(1)
  const codes = Array.from({ length: 2_000 }, () => pairingCode(below => random.integer(below)))
  for (const code of codes) expect(code).toMatch(/^[A-HJ-NP-Z2-9]{8}$/)
  expect(new Set(codes.join('')).size).toBe(32)
  expect(new Set(codes).size).toBe(codes.length)
})

test('the notices of a request are told apart from those of others, and do not tell its code', () => {
  const named = pairingNotice('ABCDEFGH', 'asked')
  expect(named).toMatch(/^pairing\/[0-9a-f]{8}\/asked$/)
  expect(pairingNotice('ABCDEFGH', 'asked')).toBe(named)
  expect(pairingNotice('ABCDEFGH', 'approved')).not.toBe(named)
  expect(pairingNotice('ABCDEFGJ', 'asked')).not.toBe(named)
})
