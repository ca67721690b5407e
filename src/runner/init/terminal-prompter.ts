/** The questions of a setup on a terminal: a line each, with what is offered in brackets. */
import { createInterface } from 'node:readline/promises'
import type { Prompter } from '../../setup/prompter.ts'
import { colours, plain, print } from '../output.ts'

/** The person has left: Ctrl-C, Ctrl-D, or the terminal is gone. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}

export interface TerminalPrompter extends Prompter {
  /** Fires when the person has left: whatever is under way is not wanted any more. */
  readonly left: AbortSignal
  close(): void
}

export function terminalPrompter(): TerminalPrompter {
  const { bold, dim, yellow } = colours
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const left = new AbortController()
  terminal.once('SIGINT', () => terminal.close())
  terminal.once('close', () => left.abort())

  const ask = async (question: string): Promise<string> => {
    if (left.signal.aborted) throw new Cancelled()
    try {
      return (await terminal.question(question, { signal: left.signal })).trim()
    } catch (cause) {
      throw left.signal.aborted ? new Cancelled('', { cause }) : cause
    }
  }
  /** Until `read` understands the answer; undefined: it does not. */
  const until = async <T>(question: string, read: (answer: string) => T | undefined, hint: string): Promise<T> => {
    for (;;) {
      const found = read(await ask(question))
      if (found !== undefined) return found
      print(yellow(hint))
    }
  }

  return {
    left: left.signal,
    close: () => terminal.close(),
    async note(message, title) {
      print('')
      if (title !== undefined) print(bold(plain(title)))
      for (const line of message.split('\n')) print(`  ${plain(line)}`)
    },
    async text({ message, initialValue = '', placeholder, validate }) {
      const mayBeEmpty = initialValue !== '' && validate?.('') === undefined
      const offered = initialValue === '' ? '' : ` [${plain(initialValue)}]${mayBeEmpty ? dim(' (- for none)') : ''}`
      const example = initialValue === '' && placeholder ? dim(` (such as ${plain(placeholder)})`) : ''
      print('')
      for (;;) {
        const answer = await ask(`${bold(plain(message))}${example}${offered}: `)
        const value = answer === '' ? initialValue : answer === '-' && mayBeEmpty ? '' : answer
        const fault = validate?.(value)
        if (fault === undefined) return value
        print(yellow(plain(fault)))
      }
    },
    async select({ message, options, initialValue }) {
      const first = Math.max(
        0,
        options.findIndex(({ value }) => value === initialValue),
      )
      print('')
      print(bold(plain(message)))
      for (const [index, { label, hint }] of options.entries()) {
        print(`  ${index + 1}) ${plain(label)}${hint === undefined ? '' : dim(` – ${plain(hint)}`)}`)
      }
      const chosen = await until(
        `Number [${first + 1}]: `,
        answer => (answer === '' ? options[first] : /^\d{1,3}$/.test(answer) ? options[Number(answer) - 1] : undefined),
        `Type a number from 1 to ${options.length}.`,
      )
      return chosen.value
    },
    async confirm({ message, initialValue = true }) {
      print('')
      return until(
        `${bold(plain(message))} [${initialValue ? 'Y/n' : 'y/N'}]: `,
        answer => (answer === '' ? initialValue : /^y(es)?$/i.test(answer) ? true : /^no?$/i.test(answer) ? false : undefined),
        'Type y or n.',
      )
    },
    progress(label) {
      print(dim(plain(label)))
      return { stop: message => message !== undefined && print(plain(message)) }
    },
  }
}
