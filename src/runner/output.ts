/** What the commands say: results on standard output, faults on standard error. */
import { createColors } from 'picocolors'
import { plain, seen } from '../domain/shown.ts'

export { plain }

const { env, stdout, stderr } = process

const mayColour = (stream: { readonly isTTY?: boolean }): boolean => stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'

export const isTerminal = stdout.isTTY === true && process.stdin.isTTY === true
export const colours = createColors(mayColour(stdout))
const faultColours = createColors(mayColour(stderr))

const readerGone = new AbortController()

/** Fires when standard output takes no more: nobody reads it, as after `| head`, or it cannot be written. */
export const outputClosed: AbortSignal = readerGone.signal

/** From now on a reader that goes away ends the command quietly, and one whose output cannot be written is told; `onFault` hears of the latter. */
export function watchOutput(onFault: () => void): void {
  stdout.on('error', error => {
    if (readerGone.signal.aborted) return
    readerGone.abort()
    const code = 'code' in error ? error.code : error.message
    // EIO: the terminal itself is gone.
    if (code === 'EPIPE' || code === 'EIO') return
    complain(`Standard output cannot be written (${code}); make room for it, or send it elsewhere.`)
    onFault()
  })
  stderr.on('error', () => {})
}

export function print(line: string): void {
  if (!readerGone.signal.aborted) stdout.write(`${line}\n`)
}

export const printJson = (value: unknown): void => print(seen(JSON.stringify(value)))

export function complain(sentence: string): void {
  stderr.write(`${faultColours.red('ztm-chat:')} ${plain(inShort(sentence))}\n`)
}

export function warn(sentence: string): void {
  stderr.write(`${faultColours.yellow('ztm-chat:')} ${plain(inShort(sentence))}\n`)
}

const SENTENCE_CHARACTERS_MAX = 2_000
/** The end of a sentence says what to do. */
const END_CHARACTERS = 500

/** A sentence that quotes an argument of a megabyte would move everything else out of sight. */
export const inShort = (sentence: string): string =>
  sentence.length <= SENTENCE_CHARACTERS_MAX
    ? sentence
    : `${sentence.slice(0, SENTENCE_CHARACTERS_MAX - END_CHARACTERS)} … ${sentence.slice(-END_CHARACTERS)}`

/** `1 chat`, `2 chats`. */
export const counted = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`

/** On a terminal a table; for programs a line for each row, with a tab between its cells. */
export function printRows(head: readonly string[], rows: readonly (readonly string[])[]): void {
  if (stdout.isTTY === true) print(table(head, rows))
  else for (const row of rows) print(row.join('\t'))
}

/** Columns of equal width, two spaces between them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  return [colours.dim(line(head)), ...rows.map(line)].join('\n')
}
