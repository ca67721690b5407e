/** Capital letters and digits without those that look alike: O and 0, I and 1. */
export const PAIRING_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** 40 bits: with three pending codes of an hour each, guessing is hopeless. */
const PAIRING_CODE_LENGTH = 8

/** `integer(below)` gives 0 <= n < below, evenly, from a source that cannot be foretold. */
export const pairingCode = (integer: (below: number) => number): string =>
  Array.from({ length: PAIRING_CODE_LENGTH }, () => PAIRING_ALPHABET.charAt(integer(PAIRING_ALPHABET.length))).join('')
