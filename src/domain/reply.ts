/** What is posted: cut into parts that fit, and without what the ZTM agent's JSON writer chokes on. */
import type { Json } from './json.ts'
import { UNSPACED } from './mention.ts'

/** Below this a code point would not fit. */
const PART_CHARACTERS_MIN = 2

/** An open code fence: the line that opened it, its backticks or tildes, and the line that closes it. */
type Fence = { readonly line: string; readonly mark: string; readonly closing: string }

/** Where a part ends, where the next one begins, and the fence that is open there. */
type Cut = { readonly end: number; readonly next: number; readonly fence: Fence | null }

/**
 * The parts of a long text, each at most `maxCharacters` (UTF-16 units) long. Cut at the last paragraph that fits, else the
 * last line outside of code, else a line of code, else a word, else a character. White space at the cut goes, but for the
 * indentation of a line; a code fence that is open there is closed, and opened again in the next part. A text that fits is
 * one part, as it is; one of white space alone is none.
 */
export function splitReply(text: string, maxCharacters: number): string[] {
  if (text.trim() === '') return []
  const max = Math.max(PART_CHARACTERS_MIN, maxCharacters)
  const parts: string[] = []
  let fence: Fence | null = null
  let start = 0
  while (start < text.length) {
    const opening: string = fence ? `${fence.line}\n` : ''
    if (opening.length + text.length - start <= max) {
      const rest = text.slice(start)
      if (rest.trim() !== '') parts.push(opening + rest)
      break
    }
    const cut = findCut(text, start, max, max - opening.length, fence)
    const body = text.slice(start, cut.end)
    if (body.trim() !== '') parts.push(opening + (cut.fence ? `${body}\n${cut.fence.closing}` : body.trimEnd()))
    start = cut.next
    fence = cut.fence
    if (fence && text[start - 1] === '\n') {
      // We have closed the fence. Should the text do so just here, nothing is left to open again.
      const [line = ''] = text.slice(start, start + max).split('\n', 1)
      if (!fenceAfter(line, fence, max)) {
        start = skipBlank(text, start + line.length)
        fence = null
      }
    }
  }
  return parts
}

/** What is read beyond the part, to see whether a character or a word goes on there. */
const LOOKAHEAD_CHARACTERS = 32

function findCut(text: string, start: number, max: number, room: number, openAtStart: Fence | null): Cut {
  const window = text.slice(start, start + room + LOOKAHEAD_CHARACTERS)
  let paragraph: number | null = null
  let line: number | null = null
  let codeLine: Omit<Cut, 'next'> | null = null
  let fence = openAtStart
  let lineStart = 0
  for (let lineEnd = window.indexOf('\n'); lineEnd >= 0; lineEnd = window.indexOf('\n', lineStart)) {
    const content = window.slice(lineStart, lineEnd)
    // What begins in the middle of a line opens and closes nothing.
    const isWhole = lineStart > 0 || start === 0 || text[start - 1] === '\n'
    const after = isWhole ? fenceAfter(content, fence, max) : fence
    if (lineEnd + closingLength(after) > room) break
    const nextIsBlank = /^\r?\n/.test(text.slice(start + lineEnd + 1, start + lineEnd + 3))
    if (!after) {
      line = lineEnd
      if (nextIsBlank || content.trim() === '') paragraph = lineEnd
    } else if (fence) codeLine = { end: lineEnd, fence: after }
    // No cut behind a line that opens a fence: the part would end with an empty one.
    fence = after
    lineStart = lineEnd + 1
  }
  const outside = paragraph ?? line
  if (outside !== null) return { end: start + outside, next: skipBlank(text, start + outside), fence: null }
  if (codeLine) return { end: start + codeLine.end, next: start + codeLine.end + 1, fence: codeLine.fence }
  const { end, isBlank } = cutLine(window, lineStart, room - closingLength(fence))
  if (!isBlank) return { end: start + end, next: start + end, fence }
  return { end: start + end, next: fence ? start + end + 1 : skipBlank(text, start + end), fence }
}

const closingLength = (fence: Fence | null): number => (fence ? fence.closing.length + 1 : 0)

/** A longer line opens no fence for us: what we would have to repeat must leave room for the rest. */
const FENCE_SHARE_MAX = 1 / 4

/** Which fence is open after this line. */
function fenceAfter(line: string, fence: Fence | null, max: number): Fence | null {
  const [, indentation = '', mark = '', info = ''] = /^([ \t]*)(`{3,}|~{3,})(.*)$/s.exec(line) ?? []
  if (mark === '') return fence
  if (fence) return mark.startsWith(fence.mark) && info.trim() === '' ? null : fence
  if (mark.startsWith('`') && info.includes('`')) return null
  const opener = line.trimEnd()
  return opener.length > max * FENCE_SHARE_MAX ? null : { line: opener, mark, closing: indentation + mark }
}

/** Behind the white space here; a line that begins in it keeps its indentation. */
function skipBlank(text: string, from: number): number {
  let lineStart = from
  let at = from
  for (; at < text.length && isBlankAt(text, at); at++) if (text[at] === '\n') lineStart = at + 1
  return lineStart > from ? lineStart : at
}

const isBlankAt = (text: string, at: number): boolean => /\s/.test(text.charAt(at))

const WORDS = new Intl.Segmenter('und', { granularity: 'word' })
const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** Where to cut a line that is too long: behind `from`, at `room` at the latest. `isBlank`: white space stands there. */
function cutLine(window: string, from: number, room: number): { end: number; isBlank: boolean } {
  if (window.slice(0, room).trim() === '') return { end: room, isBlank: isBlankAt(window, room) }
  let blank = room
  while (blank > from && !isBlankAt(window, blank)) blank--
  const hasWord = window.slice(from, blank).trim() !== ''
  // Between words that no space divides. Elsewhere a segment would end inside an address or a path.
  const word = isUnspacedAround(window, room) ? boundaryBefore(WORDS, window, room) : 0
  if (word > from && word > blank) return { end: word, isBlank: false }
  if (hasWord) return { end: blank, isBlank: true }
  const grapheme = boundaryBefore(GRAPHEMES, window, room)
  if (grapheme > from) return { end: grapheme, isBlank: false }
  const splitsPair = (window.codePointAt(room - 1) ?? 0) > 0xffff
  return { end: splitsPair ? room - 1 : room, isBlank: false }
}

const boundaryBefore = (segmenter: Intl.Segmenter, text: string, at: number): number => segmenter.segment(text).containing(at)?.index ?? 0

const isUnspacedAround = (text: string, at: number): boolean =>
  UNSPACED.test(text.slice(at - 1, at)) || UNSPACED.test(String.fromCodePoint(text.codePointAt(at) ?? 0))

/** The ZTM agent writes these so that no parser takes them: the whole file on the mesh becomes unreadable. */
const POISON = /[\p{Cc}--[\b\t\n\f\r\u007f-\u009f]]/gv

const safeText = (text: string): string => text.replace(POISON, '').toWellFormed()

/** The value as it can be posted. Half a surrogate pair would swallow its neighbour. */
export function makeSafe(value: string): string
export function makeSafe(value: Json): Json
export function makeSafe(value: Json): Json {
  if (typeof value === 'string') return safeText(value)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map(makeSafe)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [safeText(key), item === undefined ? item : makeSafe(item)]))
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

/** Longest name that a file system takes. */
const NAME_CHARACTERS_MAX = 255

/** Whether a peer's, creator's or group's name may stand in a request: the ZTM agent makes a path of it as it is. */
export const isSafeName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && name.length <= NAME_CHARACTERS_MAX && name.isWellFormed() && !/[/#?\p{Cc}]/u.test(name)
