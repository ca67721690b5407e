/** Tells the conversation of the demo: lines for people, or one JSON object a line. */
import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { colours, plain, print, printJson } from '../output.ts'

export type DecisionEvent = Extract<RuntimeEvent, { event: 'decision' }>

export interface Narrator {
  opening(url: string, inspectorUrl: string): void
  scene(title: string): void
  /** Somebody writes, to the bot or into a group. */
  wrote(who: string, where: string | null, text: string): void
  decided(decision: DecisionEvent, afterMs: number): void
  /** What the bot said, as its reader sees it. */
  replied(to: string, text: string, afterMs: number): void
  ran(command: string, result: string): void
  closing(sentence: string): void
}

const NAME_WIDTH = 9
/** Columns of the time at the right end. */
const TIME_WIDTH = 8
const LINE_WIDTH_MAX = 100

const { bold, dim, cyan, green, yellow, magenta } = colours
const ACTIONS = { process: green, ignore: yellow, pairing: magenta } as const

export function createTextNarrator(): Narrator {
  const indent = ' '.repeat(NAME_WIDTH + 2)
  const width = Math.min(process.stdout.columns ?? LINE_WIDTH_MAX, LINE_WIDTH_MAX)
  const room = Math.max(20, width - indent.length - TIME_WIDTH - 1)
  const name = (text: string, colour: (text: string) => string) => colour(plain(text).padStart(NAME_WIDTH))

  /** Text beside a name, folded; the time stands at the right end of its last line. */
  const block = (who: string, text: string, afterMs: number | null, paint: (text: string) => string = each => each) => {
    const lines = text.split('\n').flatMap(line => fold(plain(line), room))
    for (const [index, line] of lines.entries()) {
      const isLast = index === lines.length - 1
      const time = isLast && afterMs !== null ? dim(`${line.length < room ? ' '.repeat(room - line.length) : ''} ${duration(afterMs)}`) : ''
      print(`${index === 0 ? who : ' '.repeat(NAME_WIDTH)}  ${paint(line)}${time}`)
    }
  }

  return {
    opening(url, inspectorUrl) {
      print(bold('A bot on a simulated ZTM mesh'))
      print(dim(`Its agent answers real HTTP at ${url}, its responder says what was said. Times are from the message to what it led to.`))
      print(`Watch every chart, and write as alice: ${bold(inspectorUrl)}`)
    },
    scene(title) {
      print('')
      print(`${cyan('──')} ${bold(title)} ${cyan('─'.repeat(Math.max(3, width - title.length - 4)))}`)
    },
    wrote: (who, where, text) => block(name(who, bold), where === null ? text : `[${where}] ${text}`, null),
    decided({ action, reason, detail }, afterMs) {
      const plainText = `${action} · ${reason} · ${detail}`
      block(name('decision', dim), plainText, afterMs, line =>
        line.startsWith(action) ? `${ACTIONS[action](action)}${dim(line.slice(action.length))}` : dim(line),
      )
    },
    replied: (_, text, afterMs) => block(name('bot', green), text, afterMs),
    ran(command, result) {
      block(name('owner', bold), `$ ${command}`, null, cyan)
      block(' '.repeat(NAME_WIDTH), result, null, dim)
    },
    closing(sentence) {
      print('')
      print(sentence)
    },
  }
}

export function createJsonNarrator(): Narrator {
  return {
    opening: (url, inspectorUrl) => printJson({ event: 'demo', url, inspectorUrl }),
    scene: title => printJson({ event: 'scene', title }),
    wrote: (who, where, text) => printJson({ event: 'wrote', who, where, text }),
    decided: (decision, afterMs) => printJson({ ...decision, afterMs: Math.round(afterMs) }),
    replied: (to, text, afterMs) => printJson({ event: 'replied', to, text, afterMs: Math.round(afterMs) }),
    ran: (command, result) => printJson({ event: 'ran', command, result }),
    closing: sentence => printJson({ event: 'end', sentence }),
  }
}

const duration = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`).padStart(TIME_WIDTH - 1)

/** At words where there are any. */
function fold(line: string, width: number): readonly string[] {
  const lines: string[] = []
  let rest = line
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}
