import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** Capital letters and digits without those that look alike: O and 0, I and 1. */
export const PAIRING_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** 40 bits: with three pending codes of an hour each, guessing is hopeless. */
const PAIRING_CODE_LENGTH = 8

/** `integer(below)` gives 0 <= n < below, evenly, from a source that cannot be foretold. */
export const pairingCode = (integer: (below: number) => number): string =>
  Array.from({ length: PAIRING_CODE_LENGTH }, () => PAIRING_ALPHABET.charAt(integer(PAIRING_ALPHABET.length))).join('')

/** Codes that fit one name: some hundreds, of which one is right. */
const NAME_DIGITS = 8

/** Names a notice of the request with this code, and does not tell the code: keys of replies are in logs, and are forwarded. */
export const pairingNotice = (code: string, what: string): string =>
  `pairing/${bytesToHex(sha256(utf8ToBytes(code))).slice(0, NAME_DIGITS)}/${what}`
