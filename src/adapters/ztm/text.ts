/** Foreign text for the middle of a sentence: short, on one line, and without what a terminal would obey. */
export function printable(text: string, charactersMax = 200): string {
  const short = text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text
  // Controls, invisible formatting (which can turn the reading direction), line separators, halves of surrogate pairs.
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

export const mebibytes = (bytes: number): string =>
  bytes >= 1_048_576 ? `${Math.floor((bytes / 1_048_576) * 10) / 10} MiB` : `${bytes} bytes`
