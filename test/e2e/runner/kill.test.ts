/** Real processes and real files: a runner that is killed at any moment, and started again, answers each message once. */
import { existsSync, mkdirSync, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import type { Random } from '../../../src/ports/random.ts'
import {
  botAt,
  folderInTest,
  isLive,
  isSent,
  type Line,
  type Running,
  run,
  startInTest,
  type World,
  worldOf,
  writeConfig,
} from '../../runner/cli.ts'
import { answersTo, PART_CHARACTERS, serveCountingResponder } from './counting-responder.ts'

const USERS = 20
const EACH = 20
const KILLS = 36
/** Sending is spread over most of the kills. */
const SENDING_MS = 30_000
const TEST_MS_MAX = 5 * 60_000
const ANSWERS_MS_MAX = 60_000
const STARTING_MS_MAX = 1_200
const LIVING_MS_MAX = 1_000
const FOLD_MS_MAX = 1_500
const BOT = 'openclaw-bot'

const users = Array.from({ length: USERS }, (_, index) => `user-${index}`)
const seed = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))

/** Small: it is folded every few messages. The mesh is calm and quick, so what is not there after a few seconds is lost. */
const LIMITS = {
  journalBytes: 4_096,
  partCharacters: PART_CHARACTERS,
  dispatchBackoffMs: 10,
  dispatchBackoffMsMax: 20,
  reconnectMs: 50,
  reconnectMsMax: 200,
  postBackoffMs: 50,
  postBackoffMsMax: 200,
  lostPostMs: 4_000,
  lostUnansweredPostMs: 4_000,
  loopAlternations: 1_000,
}

test(`${USERS * EACH} messages are each answered once and in order by a runner that is killed ${KILLS} times`, {
  timeout: TEST_MS_MAX,
}, async () => {
  console.info(`KILL_SEED=${seed}`)
  const random = createSeededRandom(seed)
  const randomTrouble = createSeededRandom(seed + 3)
  const agent = startInTest(['agent', '--port', '0', '--json'])
  const world = worldOf(await agent.line(({ event }) => event === 'ready'))
  const responder = await serveCountingResponder(createSeededRandom(seed + 1))
  const folder = await folderInTest()
  const config = await writeConfig(folder, botAt(world.url, { limits: LIMITS }))
  const stateDir = join(folder, 'state')
  const accountDir = join(stateDir, 'accounts', 'default')
  const at = ['--config', config, '--state-dir', stateDir]
  const lives: Running[] = []
  const startBot = () => {
    const life = startInTest(['run', ...at, '--responder', responder.url, '--json'])
    lives.push(life)
    return life
  }

  const sending = sendAll(world, createSeededRandom(seed + 2))
  const kills: Record<string, number> = { starting: 0, living: 0, folding: 0 }
  const troubles: Record<string, number> = {}
  const startedAtMs = performance.now()
  for (let killed = 0; killed < KILLS; killed++) {
    const runner = startBot()
    const trouble = makeTrouble(world, randomTrouble)
    const moment = await untilMoment(runner, accountDir, random)
    const { signal, err } = await runner.stop('SIGKILL')
    expect({ signal, err }).toEqual({ signal: 'SIGKILL', err: '' })
    kills[moment] = (kills[moment] ?? 0) + 1
    const made = await trouble
    troubles[made] = (troubles[made] ?? 0) + 1
  }
  const killedMs = performance.now() - startedAtMs
  await sending
  await world.agentOf(BOT, 'up')

  const expected = (user: string) => Array.from({ length: EACH }, (_, index) => answersTo(`${user} ${index}`, index)).flat()
  const answered = async () => {
    const missing = await Promise.all(users.map(async user => expected(user).length - (await world.answersTo(user)).length))
    return missing.filter(count => count > 0)
  }
  const last = startBot()
  await expect.poll(answered, { timeout: ANSWERS_MS_MAX, interval: 250 }).toEqual([])
  const check = async () => {
    for (const user of users) {
      const answers = await world.answersTo(user)
      expect(answers.map(withoutAsk), storyOf(user, lives)).toEqual(expected(user))
      expectWholeAnswers(answers)
    }
  }
  await check()
  expect([...responder.asks.keys()].sort()).toEqual(
    users.flatMap(user => Array.from({ length: EACH }, (_, index) => `${user} ${index}`)).sort(),
  )
  expect([...responder.ids.values()].filter(ids => ids.size !== 1)).toEqual([])
  const [status] = (await run(['status', ...at, '--json'])).out.map(line => JSON.parse(line) as Line)
  expect(status).toMatchObject({ state: 'live', warnings: [], deadLetters: 0 })
  expect((await last.stop()).code).toBe(0)

  // Everybody writes once more, so that every conversation is looked at again.
  const asked = [...responder.asks.values()].reduce((sum, count) => sum + count, 0)
  const again = startBot()
  await again.line(isLive)
  await Promise.all(users.map(user => world.says(user, `${user} again 1`)))
  await expect.poll(() => again.lines(isSent).length, { timeout: ANSWERS_MS_MAX }).toBe(USERS)
  for (const user of users) {
    const answers = await world.answersTo(user)
    expect(answers.map(withoutAsk), storyOf(user, lives)).toEqual([...expected(user), `re: ${user} again 1`])
  }
  expect((await again.stop()).code).toBe(0)
  expect(existsSync(join(accountDir, 'damaged'))).toBe(false)
  expect((await readdir(join(accountDir, 'shards'))).filter(name => name.endsWith('.tmp'))).toEqual([])
  console.info({ kills, troubles, killedMs: Math.round(killedMs), asked, messages: USERS * EACH })
})

/** What the runners of all lives said about one conversation. */
const storyOf = (user: string, lives: readonly Running[]): string =>
  lives.flatMap(({ out }, life) => out.filter(line => line.includes(`"peer:${user}"`)).map(line => `life ${life}: ${line}`)).join('\n')

const withoutAsk = (answer: string): string => answer.replace(/ \(\d+\)$/, '')

/** All parts of one answer come from the same ask. */
function expectWholeAnswers(answers: readonly string[]): void {
  const byMessage = Map.groupBy(answers, answer => /^re: \S+ \d+/.exec(answer)?.[0] ?? answer)
  for (const parts of byMessage.values()) expect(new Set(parts.map(part => /\(\d+\)$/.exec(part)?.[0])).size).toBe(1)
}

/** Each user writes what they have to say, in order, at moments of their own. */
async function sendAll(world: World, random: Random): Promise<void> {
  await Promise.all(
    users.map(async user => {
      for (let index = 0; index < EACH; index++) {
        await pause(random.integer((2 * SENDING_MS) / EACH))
        await world.says(user, `${user} ${index}`)
      }
    }),
  )
}

/** Resolves at the moment of death: while the runner starts, while it works, or while it folds its journal. */
async function untilMoment(runner: Running, accountDir: string, random: Random): Promise<string> {
  const kind = random.integer(10)
  if (kind < 1) {
    await pause(random.integer(STARTING_MS_MAX))
    return 'starting'
  }
  if (kind < 3) {
    // It has taken the lock, and reads.
    await untilFile(accountDir, name => name === 'lock.json', STARTING_MS_MAX)
    await pause(random.integer(50))
    return 'starting'
  }
  await runner.line(({ event }) => event === 'state')
  if (kind < 7) {
    return (await untilFile(join(accountDir, 'shards'), name => name.endsWith('.tmp'), FOLD_MS_MAX)) ? 'folding' : 'living'
  }
  await pause(random.integer(LIVING_MS_MAX))
  return 'living'
}

/** Whether a file of that name was made, changed or moved in the folder before the time was over. */
async function untilFile(folder: string, fits: (name: string) => boolean, msMax: number): Promise<boolean> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const over = new AbortController()
  const watcher = watch(folder, (_, name) => {
    if (name !== null && fits(name)) over.abort()
  })
  await pause(msMax, undefined, { signal: over.signal }).catch(() => {})
  watcher.close()
  return over.signal.aborted
}

/** Killing the simulated agent's process would end the mesh; what its clients see of it is done here. */
async function makeTrouble(world: World, random: Random): Promise<string> {
  const kind = random.integer(10)
  if (kind > 4) return 'none'
  await pause(random.integer(STARTING_MS_MAX))
  if (kind === 0) {
    await world.agentOf(BOT, 'down')
    await pause(random.integer(LIVING_MS_MAX))
    await world.agentOf(BOT, 'up')
    return 'down'
  }
  if (kind === 1) {
    await world.agentOf(BOT, 'restart')
    return 'restart'
  }
  if (kind === 2) {
    await world.faultOf(BOT, 'error500', 1 + random.integer(20))
    return 'error500'
  }
  await world.faultOf(BOT, 'lostAnswer', 1 + random.integer(5))
  return 'lostAnswer'
}
