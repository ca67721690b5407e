/** The command line as a real process: started from source, watched line by line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { cryptoRandom } from '../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../src/adapters/clock/system-clock.ts'
import { serveSimControl } from '../../src/runner/sim-control.ts'
import { createMesh, type SimMesh } from '../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../src/simulator/mesh/serve.ts'

export const CLI = join(import.meta.dirname, '../../src/runner/cli.ts')
const BUILT_CLI = join(import.meta.dirname, '../../dist/src/runner/cli.js')

export type Line = { readonly event?: string; readonly [key: string]: unknown }
export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: readonly string[]
  readonly err: string
}

export interface Running {
  readonly process: ChildProcess
  /** Lines on standard output so far. */
  readonly out: readonly string[]
  err(): string
  /** The first line, from the past or the future, that is JSON and fits. Rejects when the process ends first. */
  line(fits: (line: Line) => boolean): Promise<Line>
  /** How many fit so far. */
  lines(fits: (line: Line) => boolean): readonly Line[]
  ended: Promise<Ended>
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly nodeArgs?: readonly string[]
  /** What users run, from `dist/`, in place of the source. */
  readonly built?: boolean
}

export function start(args: readonly string[], { env = {}, cwd, nodeArgs = [], built = false }: StartOptions = {}): Running {
  const child = spawn(process.execPath, [...nodeArgs, built ? BUILT_CLI : CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    ...(cwd !== undefined && { cwd }),
  })
  const out: string[] = []
  const parsed: Line[] = []
  let err = ''
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of [...watchers]) watcher()
  }
  createInterface({ input: child.stdout }).on('line', text => {
    out.push(text)
    if (text.startsWith('{')) parsed.push(JSON.parse(text) as Line)
    wake()
  })
  child.stderr.on('data', chunk => {
    err += String(chunk)
  })
  let hasEnded = false
  const ended = new Promise<Ended>(resolve => {
    child.once('close', (code, signal) => {
      hasEnded = true
      resolve({ code, signal, out, err })
      wake()
    })
  })
  return {
    process: child,
    out,
    err: () => err,
    line: fits =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = parsed.find(fits)
          if (found === undefined && !hasEnded) return
          watchers.delete(look)
          if (found) resolve(found)
          else reject(new Error(`ztm-chat ${args[0]} ended before that line came.\n${out.join('\n')}\n${err}`))
        }
        watchers.add(look)
        look()
      }),
    lines: fits => parsed.filter(fits),
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** Started, and ended with the test at the latest. */
export function startInTest(args: readonly string[], options: StartOptions = {}): Running {
  const running = start(args, options)
  onTestFinished(async () => {
    await running.stop('SIGKILL')
  })
  return running
}

export const run = (args: readonly string[], options: StartOptions = {}): Promise<Ended> => start(args, options).ended

/** A folder that goes away with the test. */
export async function folderInTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-runner-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface World {
  /** Of the bot's agent. */
  readonly url: string
  says(user: string, text: string, to?: string): Promise<void>
  agentOf(user: string, act: 'down' | 'up' | 'restart'): Promise<void>
  /** The next answers of the user's agent. */
  faultOf(user: string, fault: 'error500' | 'lostAnswer', times: number): Promise<void>
  /** What others, which is the bot, wrote in the user's chat with it or in another one, in order. */
  answersTo(user: string, chat?: string): Promise<readonly string[]>
  creates(user: string, group: string, members: readonly string[], name?: string): Promise<void>
}

/** What `ztm-chat agent` prints about itself. */
export function worldOf(ready: Line): World {
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(
      `${ready['control']}/sim/users/${path}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    )
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    url: String(ready['url']),
    async says(user, text, to) {
      await call(`${user}/says`, { text, ...(to !== undefined && { to }) })
    },
    async agentOf(user, act) {
      await call(`${user}/agent`, { do: act })
    },
    async faultOf(user, fault, times) {
      await call(`${user}/agent`, { do: 'fault', fault, times })
    },
    async creates(user, group, members, name) {
      await call(`${user}/groups/${group}`, { members, name })
    },
    async answersTo(user, chat) {
      const query = chat === undefined ? '' : `?chat=${encodeURIComponent(chat)}`
      const inbox = (await call(`${user}/inbox${query}`)) as readonly { sender: string; message: { text: string } }[]
      return inbox.filter(entry => entry.sender !== user).map(entry => entry.message.text)
    },
  }
}

/** The same mesh as that of `ztm-chat agent`, in this process, with the bot's agent served over HTTP. */
export async function serveMesh(): Promise<{ readonly mesh: SimMesh; readonly url: string }> {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: 'demo-mesh', quirks: CALM })
  const { url, close } = await serveAgent(mesh.user(mesh.bot).agent)
  onTestFinished(close)
  return { mesh, url }
}

/** What `ztm-chat agent` does, without a process: those start slowly. */
export async function openWorld(): Promise<World> {
  const { mesh, url } = await serveMesh()
  const control = await serveSimControl(mesh, 0)
  onTestFinished(() => control.close())
  return worldOf({ url, control: control.url })
}

export async function writeConfig(folder: string, config: unknown, name = 'bot.json5'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config))
  return path
}

/** A bot of that world that answers everybody at once. */
export const botAt = (url: string, more: Readonly<Record<string, unknown>> = {}) => ({
  agentUrl: url,
  meshName: 'demo-mesh',
  username: 'openclaw-bot',
  dmPolicy: 'open',
  pollInterval: 100,
  ...more,
})

export const isLive = (line: Line): boolean => line.event === 'live'
export const isSent = (line: Line): boolean => line.event === 'sent'
