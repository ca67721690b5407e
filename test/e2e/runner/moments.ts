/** When a runner is killed, and what its files and its last words say about the moment that was met. */
import { mkdirSync, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChatRecord, OutboxRecord } from '../../../machines/records.ts'
import { readSegment } from '../../../src/adapters/store/segment.ts'
import type { Random } from '../../../src/ports/random.ts'
import { isLive, type Line, type Running } from '../../runner/cli.ts'

const START_MS_MAX = 250
const LOAD_MS_MAX = 60
const LIFE_MS_MAX = 1_800
const WAIT_MS_MAX = 1_500
/** A life that lasts until so many of its answers were seen on the mesh, and what an earlier death left in doubt is settled, too. */
const SENT_MIN = 40
const SETTLED_MS_MAX = 8_000

/** A life of average length; what is written is spread over the lives. */
export const LIFE_MS = 1_000

const AIMS = [
  /** Node loads the program. */
  'start',
  /** The lock is taken: snapshots and journal are read and mended. */
  'load',
  /** Loaded: what was open goes on, and the agent is connected. */
  'resume',
  'living',
  'settled',
  /** A batch has reached the journal's file, and its sync has just begun; the disk is slow in such a life. */
  'write',
  'write',
  'write',
  /** A snapshot is being written, or the first or last of many. */
  'fold',
  'fold',
  'fold',
] as const
export type Aim = (typeof AIMS)[number]

export const chooseAim = (random: Random): Aim => AIMS[random.integer(AIMS.length)]!

/** Waits for a moment of this kind, and kills there. */
export async function killAt(aim: Aim, runner: Running, accountDir: string, random: Random): Promise<void> {
  const kill = () => runner.process.kill('SIGKILL')
  const inFolder = (name: string) => join(accountDir, name)
  switch (aim) {
    case 'start':
      await pause(random.integer(START_MS_MAX))
      break
    case 'load':
      await onChange(accountDir, name => name === 'lock.json', 1)
      await pause(random.integer(LOAD_MS_MAX))
      break
    case 'resume':
      await begun(runner)
      await pause(random.integer(LOAD_MS_MAX))
      break
    case 'living':
      await begun(runner)
      await pause(random.integer(LIFE_MS_MAX))
      break
    case 'settled':
      await begun(runner)
      await whenSent(runner)
      await pause(random.integer(LIFE_MS_MAX))
      break
    case 'write':
      await begun(runner)
      await pause(random.integer(LIFE_MS_MAX))
      await onChange(inFolder('journal'), name => name.endsWith('.log'), 1, kill)
      break
    case 'fold':
      await begun(runner)
      await pause(random.integer(LIFE_MS_MAX / 2))
      // Of the files that a fold makes, any.
      await onChange(inFolder('shards'), name => name.endsWith('.tmp'), 1 + random.integer(20), kill)
      break
  }
  kill()
}

const begun = (runner: Running): Promise<Line> => runner.line(({ event }) => event === 'state')

const LOOK_MS = 50
async function whenSent(runner: Running): Promise<void> {
  const endAtMs = performance.now() + SETTLED_MS_MAX
  while (performance.now() < endAtMs && runner.lines(({ event }) => event === 'sent').length < SENT_MIN) await pause(LOOK_MS)
}

/** The `count`-th change of such a file, or the end of patience. `act` is called in the very turn that learns of it. */
async function onChange(folder: string, fits: (name: string) => boolean, count: number, act = () => {}): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let left = count
  const over = new AbortController()
  const watcher = watch(folder, (_, name) => {
    if (name === null || !fits(name) || --left > 0) return
    act()
    over.abort()
  })
  await pause(WAIT_MS_MAX, undefined, { signal: over.signal }).catch(() => {})
  watcher.close()
}

/** What was found after a death; of several, each counts. */
export type Evidence = {
  /** It died before it had loaded its state. */
  readonly 'while starting': boolean
  /** It died after that, before it was connected. */
  readonly 'while connecting': boolean
  /** The journal ends with a record that the runner had not acted on: its sync was under way, or had just ended. */
  readonly 'between write and sync': boolean
  /** The journal ends in the middle of a line. */
  readonly 'torn line': boolean
  /** Snapshots of this life are newer than the index of all of them, which is written last. */
  readonly 'while folding': boolean
}

export async function evidenceOf(runner: Running, accountDir: string, bornAtMs: number): Promise<Evidence> {
  const journal = await journalEnd(
    accountDir,
    new Set(runner.lines(({ event }) => event === 'decision' || event === 'sent').map(line => String(line['id'] ?? line['key']))),
  )
  const hasLoaded = runner.lines(({ event }) => event === 'state').length > 0
  return {
    'while starting': !hasLoaded,
    'while connecting': hasLoaded && runner.lines(isLive).length === 0,
    'between write and sync': hasLoaded && journal.isUntold,
    'torn line': journal.isTorn,
    'while folding': await isMidFold(accountDir, bornAtMs),
  }
}

async function journalEnd(accountDir: string, told: ReadonlySet<string>): Promise<{ isUntold: boolean; isTorn: boolean }> {
  const folder = join(accountDir, 'journal')
  const last = (await listed(folder))
    .filter(name => name.endsWith('.log'))
    .sort()
    .at(-1)
  if (last === undefined) return { isUntold: false, isTorn: false }
  const bytes = await readFile(join(folder, last))
  const { records, restAt } = readSegment(bytes)
  const tellable = records.at(-1)?.record.changes.flatMap(({ event }) => namesIn(event as ChatRecord | OutboxRecord)) ?? []
  return { isUntold: tellable.some(name => !told.has(name)), isTorn: restAt < bytes.length }
}

/** What a runner says aloud when such a record is durable. */
function namesIn(event: ChatRecord | OutboxRecord): readonly string[] {
  if (event.type === 'message.accepted') return [event.message.id]
  return event.type === 'reply.sent' ? event.keys : []
}

/** A snapshot of this life is half written, or the index of all of them does not know of it yet. */
async function isMidFold(accountDir: string, bornAtMs: number): Promise<boolean> {
  const folder = join(accountDir, 'shards')
  const changedAtMs = async (name: string) => (await stat(join(folder, name))).mtimeMs
  const names = await listed(folder)
  const indexedAtMs = names.includes('index.json') ? await changedAtMs('index.json') : 0
  for (const name of names) {
    if (name.includes('.old.')) continue
    if ((await changedAtMs(name)) > Math.max(bornAtMs, indexedAtMs)) return true
  }
  return false
}

const listed = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
