/** Whether a text speaks to the bot, and what is left of it without the name. One pass, whatever the text. */

export type Mention = { readonly mentioned: boolean; readonly text: string }

/**
 * A mention is `@` or `＠` and the bot's name in any case. Not after what could be the beginning of an address or a longer
 * name, and not before what could continue one.
 *
 * Of the white space around a mention one character goes with it, so that no gap of two is left: the blank after it, or at
 * the end of a line the blank before it; at the beginning or end of the text a line break counts as blank, too. Next to
 * anything else (`(@my-bot)`, `你好@my-bot`) nothing goes. The rest stays letter for letter.
 */
export function findMention(text: string, botName: string): Mention {
  if (botName === '') return { mentioned: false, text }
  const kept: string[] = []
  let from = 0
  let mentioned = false
  for (let at = 0; at < text.length; at++) {
    if (!isAt(text[at]) || !isNameAt(text, at + 1, botName)) continue
    const end = at + 1 + botName.length
    if (belongsToWord(text, at) || continuesName(text, end)) continue
    mentioned = true
    if (at > from) kept.push(text.slice(from, at))
    from = end + takeBlank(kept, text, end)
    at = end - 1
  }
  return mentioned ? { mentioned, text: kept.join('') + text.slice(from) } : { mentioned, text }
}

/** Takes the one blank that goes with a mention: gives the length of the one after it, or shortens what was kept before it. */
function takeBlank(kept: string[], text: string, end: number): number {
  const before = kept.at(-1)
  const after = text[end]
  if (before === undefined || isBlank(before.at(-1)) || isLineBreak(before.at(-1))) {
    if (isBlank(after)) return 1
    if (before === undefined && isLineBreak(after)) return text.startsWith('\r\n', end) ? 2 : 1
  }
  if (before === undefined || !(after === undefined || isLineBreak(after))) return 0
  const last = before.at(-1)
  const atEnd = after === undefined
  const taken = atEnd && before.endsWith('\r\n') ? 2 : isBlank(last) || (atEnd && isLineBreak(last)) ? 1 : 0
  kept[kept.length - 1] = before.slice(0, before.length - taken)
  return 0
}

const isAt = (character: string | undefined): boolean => character === '@' || character === '＠'

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t'

const isLineBreak = (character: string | undefined): boolean => character === '\n' || character === '\r'

/** ASCII case only: a Turkish dotless i, a long s or a Kelvin sign is another letter, whatever Unicode folds them to. */
function isNameAt(text: string, start: number, name: string): boolean {
  if (start + name.length > text.length) return false
  for (let i = 0; i < name.length; i++) {
    if (lower(text.charCodeAt(start + i)) !== lower(name.charCodeAt(i))) return false
  }
  return true
}

const lower = (unit: number): number => (unit >= 0x41 && unit <= 0x5a ? unit + 0x20 : unit)

/** A name can hang on these: letters and digits of any script, and what stands inside addresses. */
const JOINED = /^[\p{L}\p{Nd}_.\-@＠]$/u
/** Letters of scripts that are written without spaces: a mention follows them directly, and a text may be cut between them. Extensions, because `ー` belongs to two scripts. */
export const UNSPACED = /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]$/u
/** An accent belongs to the letter before it. An enclosing mark (a keycap's) makes a sign of it, and is not here. */
const ACCENT = /^[\p{Mn}\p{Mc}]$/u

function belongsToWord(text: string, at: number): boolean {
  // Going back over accents ends at the previous `@` at the latest: every accent is passed once.
  for (let end = at; end > 0; ) {
    const character = characterBefore(text, end)
    if (UNSPACED.test(character)) return false
    if (!ACCENT.test(character)) return JOINED.test(character)
    end -= character.length
  }
  return false
}

function characterBefore(text: string, end: number): string {
  const pair = end >= 2 ? text.slice(end - 2, end) : ''
  return pair !== '' && (pair.codePointAt(0) ?? 0) > 0xffff ? pair : text.slice(end - 1, end)
}

/** Dots end a sentence (`@my-bot...`), unless a name goes on behind them (`@my-bot.example`). */
function continuesName(text: string, end: number): boolean {
  let next = end
  while (text[next] === '.') next++
  return /^[A-Za-z0-9_-]$/.test(text[next] ?? '')
}
