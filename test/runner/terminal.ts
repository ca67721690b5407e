/** The command line on a terminal of its own: a pseudo-terminal that `script` (of util-linux) makes, typed at as a person would. */
import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { onTestFinished } from 'vitest'
import { CLI, type StartOptions } from './cli.ts'

export interface Terminal {
  /** Everything shown so far, without what moves the cursor or colours. */
  screen(): string
  /** Resolves when that is on the screen, behind what was waited for before. Rejects when the program ends first. */
  shows(text: string): Promise<void>
  /** A line, with its return key; waits for what is asked. */
  answers(question: string, line: string): Promise<void>
  /** Bytes as a key sends them, such as `\x03` for Ctrl-C. */
  press(key: string): void
  /** The exit code. */
  ended: Promise<number | null>
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export function onTerminal(args: readonly string[], { env = {}, cwd }: StartOptions = {}): Terminal {
  // In the shell's place: one that waited for it would take Ctrl-C, too, and its exit code would be that of its own death.
  const command = `exec ${[process.execPath, CLI, ...args].map(quoted).join(' ')}`
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SHELL: '/bin/sh', NODE_NO_WARNINGS: '1', NO_COLOR: '1', TERM: 'xterm', ...env },
    ...(cwd !== undefined && { cwd }),
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [written, screen] = ['', '']
  let seen = 0
  let hasEnded = false
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of [...watchers]) watcher()
  }
  // A sequence of the terminal's, or a letter, may come in two pieces.
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    written += chunk
    screen = stripVTControlCharacters(written).replaceAll('\r', '')
    wake()
  })
  const ended = new Promise<number | null>(resolve => {
    child.once('close', code => {
      hasEnded = true
      resolve(code)
      wake()
    })
  })
  const shows = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const at = screen.indexOf(text, seen)
        if (at < 0 && !hasEnded) return
        watchers.delete(look)
        if (at < 0) return reject(new Error(`"${text}" was never shown.\n${screen}`))
        seen = at + text.length
        resolve()
      }
      watchers.add(look)
      look()
    })
  return {
    screen: () => screen,
    shows,
    async answers(question, line) {
      await shows(question)
      child.stdin.write(`${line}\n`)
    },
    press: key => void child.stdin.write(key),
    ended,
  }
}
