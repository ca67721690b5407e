/** The built runner, real processes, real files: whenever it is killed, each message is answered once. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import { identify } from '../../../src/domain/message-id.ts'
import type { Random } from '../../../src/ports/random.ts'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { botAt, folderInTest, type Line, type Running, run, serveMesh, start, writeConfig } from '../../runner/cli.ts'
import { answersTo, PART_CHARACTERS, serveCountingResponder } from './counting-responder.ts'
import { chooseAim, evidenceOf, killAt, LIFE_MS } from './moments.ts'
import { ALL_IS_WELL, lookAt, type Written } from './users-view.ts'

const KILLS = Number(process.env['KILLS'] ?? 30)
const MESSAGES = Number(process.env['MESSAGES'] ?? 6_000)
const seed = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))

const SLOW_DISK = join(import.meta.dirname, 'slow-disk.ts')

const USERS = 60
const GROUPS = 6
/** Of all messages. */
const GROUP_SHARE = 0.1
const TEST_MS_MAX = 20 * 60_000
const ANSWERS_MS_MAX = 8 * 60_000
const WRITING_EVERY_MS = 10
const TROUBLE_MS_MAX = 1_000

/** The journal is small: it is folded every few hundred messages. The mesh is calm and quick, so what is not there after a few seconds is lost. */
const LIMITS = {
  journalBytes: 64 * 1_024,
  partCharacters: PART_CHARACTERS,
  dispatchBackoffMs: 10,
  dispatchBackoffMsMax: 20,
  reconnectMs: 50,
  reconnectMsMax: 200,
  postBackoffMs: 50,
  postBackoffMsMax: 200,
  unconfirmedPosts: 64,
  lostPostMs: 4_000,
  lostUnansweredPostMs: 4_000,
  loopAlternations: 1_000,
}

test(`${MESSAGES} messages are each answered once and in order by a runner that is killed ${KILLS} times`, {
  timeout: TEST_MS_MAX,
}, async () => {
  console.info(`KILL_SEED=${seed}`)
  const random = createSeededRandom(seed)
  const randomTrouble = createSeededRandom(seed + 1)
  const { mesh, url } = await serveMesh()
  const responder = await serveCountingResponder(createSeededRandom(seed + 2))
  const folder = await folderInTest()
  const config = await writeConfig(folder, botAt(url, { enableGroups: true, groupPolicy: 'open', limits: LIMITS }))
  const stateDir = join(folder, 'state')
  const accountDir = join(stateDir, 'accounts', 'default')
  const at = ['--config', config, '--state-dir', stateDir]
  const lives: Running[] = []
  const startBot = (nodeArgs: readonly string[] = []) => {
    const life = start(['run', ...at, '--responder', responder.url, '--json'], { built: true, nodeArgs })
    lives.push(life)
    return life
  }
  onTestFinished(async () => void (await lives.at(-1)?.stop('SIGKILL')))
  const people = await settle(mesh)
  const crowd = writing(mesh, people, createSeededRandom(seed + 3))

  const aims = new Map<string, number>()
  const moments = new Map<string, number>()
  const troubles = new Map<string, number>()
  const count = (counts: Map<string, number>, what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  const startedAtMs = performance.now()
  for (let killed = 0; killed < KILLS; killed++) {
    const aim = chooseAim(random)
    const bornAtMs = Date.now()
    const runner = startBot(aim === 'write' ? ['--import', SLOW_DISK] : [])
    crowd.lives(killed)
    const trouble = makeTrouble(mesh, randomTrouble)
    await killAt(aim, runner, accountDir, random)
    count(aims, aim)
    const { signal, err } = await runner.ended
    expect({ signal, errors: errorsIn(err) }).toEqual({ signal: 'SIGKILL', errors: [] })
    for (const [moment, isMet] of Object.entries(await evidenceOf(runner, accountDir, bornAtMs))) if (isMet) count(moments, moment)
    count(troubles, await trouble)
  }
  const killedMs = performance.now() - startedAtMs
  const found = (chat: string) => readBy(mesh, chat)
  const leftAtLast = lookAt(crowd.written, found).lost.length
  await crowd.end()

  const last = startBot()
  await expect.poll(() => lookAt(crowd.written, found).lost.length, { timeout: ANSWERS_MS_MAX, interval: 1_000 }).toBe(0)
  const totalMs = performance.now() - startedAtMs
  expectAllIsWell()
  expect([...responder.asks.keys()].sort()).toEqual(crowd.written.map(({ text }) => text).sort())
  expect([...responder.ids.values()].filter(ids => ids.size !== 1)).toEqual([])
  const [status] = (await run(['status', ...at, '--json'])).out.map(line => JSON.parse(line) as Line)
  expect(status).toMatchObject({ state: 'live', warnings: [], deadLetters: 0 })
  expect((await last.stop()).code).toBe(0)

  // Everybody writes once more, so that every conversation is looked at again.
  const again = startBot()
  await crowd.everybodyWrites()
  await expect.poll(() => lookAt(crowd.written, found).lost.length, { timeout: ANSWERS_MS_MAX, interval: 1_000 }).toBe(0)
  expectAllIsWell()
  expect((await again.stop()).code).toBe(0)
  expect(existsSync(join(accountDir, 'damaged'))).toBe(false)
  expect((await readdir(join(accountDir, 'shards'))).filter(name => name.endsWith('.tmp'))).toEqual([])
  if (KILLS >= 100)
    expect([...moments.keys()]).toEqual(
      expect.arrayContaining(['while starting', 'while connecting', 'between write and sync', 'while folding']),
    )
  const asked = [...responder.asks.values()].reduce((sum, times) => sum + times, 0)
  console.info({
    kills: KILLS,
    messages: crowd.written.length,
    ofThemInGroups: crowd.written.filter(({ chat }) => chat.startsWith('group:')).length,
    parts: crowd.written.reduce((sum, { answers }) => sum + answers.length, 0),
    asked,
    aims: Object.fromEntries(aims),
    moments: Object.fromEntries(moments),
    troubles: Object.fromEntries(troubles),
    killedMs: Math.round(killedMs),
    totalMs: Math.round(totalMs),
    partsLeftAtTheLastLife: leftAtLast,
  })

  function expectAllIsWell() {
    const view = lookAt(crowd.written, found)
    const [first] = [...view.doubled, ...view.outOfOrder, ...view.foreign, ...view.lost]
    expect(view, first && storyOf(first, mesh, lives)).toEqual(ALL_IS_WELL)
  }
})

type People = {
  readonly users: readonly string[]
  readonly groups: readonly { readonly chat: ChatId; readonly members: readonly string[] }[]
}

/** Users, and groups of some of them. */
async function settle(mesh: SimMesh): Promise<People> {
  const users = Array.from({ length: USERS }, (_, index) => `user-${index}`)
  for (const user of users) mesh.user(user)
  const groups: People['groups'][number][] = []
  for (let index = 0; index < GROUPS; index++) {
    const members = users.filter((_, at) => at % GROUPS === index)
    await mesh.user(members[0]!).creates('team', { name: 'Team', members: [...members, mesh.bot] })
    groups.push({ chat: `group:${members[0]!}/team`, members })
  }
  for (const { members } of groups) {
    // Until everybody's chat app knows the group.
    const known = (member: string) => mesh.user(member).agent.membership(mesh.name)?.app?.findGroup(members[0]!, 'team')?.members ?? []
    for (const member of [...members, mesh.bot]) await expect.poll(() => known(member)).toContain(member)
  }
  return { users, groups }
}

/** Texts of the bot, as the chat app of somebody in this chat shows them. */
function readBy(mesh: SimMesh, chat: string): readonly string[] {
  const [reader, shown]: [string, ChatId] = chat.startsWith('peer:')
    ? [chat.slice('peer:'.length), `peer:${mesh.bot}`]
    : [chat.slice('group:'.length, chat.indexOf('/')), chat as ChatId]
  return mesh
    .user(reader)
    .inbox(shown)
    .filter(({ sender }) => sender === mesh.bot)
    .map(({ message }) => (message as { text: string }).text)
}

/** People who write all the time, at the pace at which the runner dies: each message to its chat, numbered. */
function writing(mesh: SimMesh, { users, groups }: People, random: Random) {
  const written: Written[] = []
  let due = 0
  let isOver = false
  let lifeBeganAtMs = performance.now()
  let livesBefore = 0

  const write = async (user: string, group: People['groups'][number] | null) => {
    const number = written.length
    const text = `${user} ${number}`
    const chat: ChatId = group ? group.chat : `peer:${user}`
    written.push({ chat, user, text, answers: answersTo(text, number) })
    await mesh.user(user).says(group ? `@${mesh.bot} ${text}` : text, group ? group.chat : `peer:${mesh.bot}`)
  }

  let failure: unknown = null
  const writeOn = async () => {
    while (!isOver) {
      const lived = livesBefore + Math.min(1, (performance.now() - lifeBeganAtMs) / LIFE_MS)
      due = Math.min(MESSAGES, Math.floor((MESSAGES * lived) / KILLS))
      while (written.length < due) {
        const group = random.unit() < GROUP_SHARE ? groups[random.integer(groups.length)]! : null
        const from = group ? group.members : users
        await write(from[random.integer(from.length)]!, group)
      }
      await pause(WRITING_EVERY_MS)
    }
  }
  const loop = writeOn().catch(error => {
    failure = error
  })

  return {
    written,
    lives(before: number) {
      if (failure !== null) throw failure
      livesBefore = before
      lifeBeganAtMs = performance.now()
    },
    async end() {
      isOver = true
      await loop
      if (failure !== null) throw failure
      while (written.length < MESSAGES) await write(users[written.length % users.length]!, null)
    },
    async everybodyWrites() {
      for (const user of users) await write(user, null)
      for (const group of groups) await write(group.members.at(-1)!, group)
    },
  }
}

const WARNING = 40
/** Lines of the log above a warning, and what is no line of it; the last one may have been cut by the kill. */
function errorsIn(err: string): readonly string[] {
  return err
    .split('\n')
    .slice(0, -1)
    .filter(line => !line.startsWith('{') || (JSON.parse(line) as { level: number }).level > WARNING)
}

/** What the mesh had of the messages that a violation names, and what the runners of all lives said about them. */
function storyOf(violation: string, mesh: SimMesh, lives: readonly Running[]): string {
  const [, chat = '', rest = ''] = /^(\S+?): (.*)/s.exec(violation) ?? []
  const numbers = [...rest.matchAll(/\b(user-\d+ \d+)/g)].map(([, text]) => text!)
  const whose = chat.slice('peer:'.length)
  const reached = chat.startsWith('peer:') ? mesh.reached(whose, `peer:${mesh.bot}`) : mesh.reached(mesh.bot, chat as ChatId)
  return identify(
    (chat.startsWith('peer:') ? `peer:${whose}` : chat) as ChatId,
    reached.map(({ sender, time, message, path, index, reachedAtMs }) => ({ sender, time, message, path, index, reachedAtMs })),
  )
    .filter(({ raw: { message } }) => numbers.some(text => JSON.stringify(message).includes(`${text}"`)))
    .flatMap(({ id, raw }) => [
      `${id} ${JSON.stringify(raw)}`,
      ...lives.flatMap(({ out }, life) => out.filter(line => line.includes(id)).map(line => `  life ${life}: ${line}`)),
    ])
    .join('\n')
}

/** What the bot's agent suffers meanwhile. */
async function makeTrouble(mesh: SimMesh, random: Random): Promise<string> {
  const { agent } = mesh.user(mesh.bot)
  const kind = random.integer(12)
  if (kind > 5) return 'none'
  await pause(random.integer(TROUBLE_MS_MAX))
  if (kind === 0) {
    agent.down()
    await pause(random.integer(TROUBLE_MS_MAX))
    agent.up()
    return 'down'
  }
  if (kind === 1) {
    agent.restart()
    return 'restart'
  }
  if (kind < 4) {
    agent.answer('error500', { times: 1 + random.integer(20) })
    return 'error500'
  }
  agent.answer('lostAnswer', { times: 1 + random.integer(5) })
  return 'lostAnswer'
}
