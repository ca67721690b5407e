/** How foreign texts and names are shown to people: on one line, in one direction, with nothing unseen, and told apart by eye. */
import { type ChatId, parseChat } from './ids.ts'

/** Controls, invisible formatting (which can turn the reading direction), line separators, halves of surrogate pairs, and letters without a look. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`

/** Foreign text for the middle of a sentence: short, on one line, and without what a terminal or a page would obey. */
export const printable = (text: string, charactersMax = 200): string =>
  plain(text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text)

/** The same, however long. */
export const plain = (text: string): string => text.replace(UNSEEN, escaped)

/** The same of a text that stands by itself: with its lines, and with emoji of several parts whole. */
export const plainLines = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .split(/(\n|\t|\p{RGI_Emoji})/v)
    .map((part, at) => (at % 2 === 1 ? part : plain(part)))
    .join('')

/** The same JSON, with escapes in place of what is not seen. */
export const seen = (json: string): string =>
  json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu, character =>
    [...Array(character.length).keys()].map(at => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )

/** Nothing at all; blanks at an end, in a row, or of another kind; and what we write ourselves. */
const UNCLEAR = /^$|^ | $| {2}|[^\S ]|["\\]/

/** Marks upon marks would reach into other lines. */
const MARKS_MAX = 4

/**
 * A name, so that no other name looks like it: one with letters beyond ASCII says of which scripts they are (`аlice ‹Cyrillic, Latin›`),
 * odd characters are told by number, and one whose blanks are not clear, and one with quotes or backslashes, stands in quotes.
 */
export function shownName(name: string): string {
  const visible = plain(name.normalize('NFC')).replace(
    new RegExp(`(\\p{M}{${MARKS_MAX}})(\\p{M}+)`, 'gu'),
    (_, kept, more) => kept + [...more].map(escaped).join(''),
  )
  const quoted = UNCLEAR.test(name) ? JSON.stringify(name).replace(UNSEEN, escaped) : visible
  const marks = oddities(name.normalize('NFC'))
  return marks === '' ? quoted : `${quoted} ‹${marks}›`
}

const DISPLAY_NAME_CHARACTERS_MAX = 80

/**
 * What somebody calls a group: any text, which need not be theirs alone, so that the group's own name is to stand beside it. On one line, and
 * short; null when it says nothing.
 */
export const displayName = (name: string): string | null => shortened(name, plain)

/** The same, so that no other looks like it. */
export const shownDisplayName = (name: string): string | null => shortened(name, shownName)

function shortened(name: string, show: (name: string) => string): string | null {
  const trimmed = name.trim()
  // What comes from the mesh may be a book: no more of it is looked at than can be shown.
  const characters = [...trimmed.slice(0, 2 * DISPLAY_NAME_CHARACTERS_MAX)].slice(0, DISPLAY_NAME_CHARACTERS_MAX)
  const kept = characters.join('')
  if (kept === '') return null
  return kept === trimmed ? show(kept) : `${show(kept)}…`
}

/** `peer:alice`, each name in it as above. */
export function shownChat(chat: ChatId): string {
  const place = parseChat(chat)
  return place.kind === 'peer' ? `peer:${shownName(place.peer)}` : `group:${shownName(place.creator)}/${shownName(place.group)}`
}

/** What an actor is called: a chat, or the name of a user or an account. */
export const shownPlace = (name: string): string => (isChat(name) ? shownChat(name) : shownName(name))

const isChat = (name: string): name is ChatId => /^(?:peer:|group:[^/]*\/)/.test(name)

/** Those that people write in; others are told by number. */
const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Armenian',
  'Georgian',
  'Hebrew',
  'Arabic',
  'Devanagari',
  'Bengali',
  'Gurmukhi',
  'Gujarati',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Sinhala',
  'Thai',
  'Lao',
  'Tibetan',
  'Myanmar',
  'Khmer',
  'Ethiopic',
  'Mongolian',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Bopomofo',
].map(script => [script, new RegExp(`^\\p{Script=${script}}$`, 'u')] as const)

/** Letters of phonetics and the like, which nobody's name needs, and which look like others. */
const ODD_LATIN = /^[\u0131\u017f\u0180-\u02af\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]$/u
const PICTURE = /^\p{Extended_Pictographic}$/u
const NUMBERS_MAX = 3

/** What is told beside a name: its scripts when it has letters beyond ASCII, and characters that no script explains. */
function oddities(name: string): string {
  const beyond = [...name].filter(character => character > '\u007f' && !PICTURE.test(character) && character.search(UNSEEN) < 0)
  if (beyond.length === 0) return ''
  const scripts = new Set<string>()
  const numbers = new Set<string>()
  for (const character of name) {
    const script = SCRIPTS.find(([, is]) => is.test(character))?.[0]
    if (script !== undefined) scripts.add(script)
    const isPlain = script !== undefined && character.normalize('NFKC') === character && !ODD_LATIN.test(character)
    if (beyond.includes(character) && !isPlain) numbers.add(`U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`)
  }
  const shown = [...numbers].slice(0, NUMBERS_MAX)
  return [...[...scripts].sort(), ...shown, ...(numbers.size > shown.length ? ['…'] : [])].join(', ')
}
