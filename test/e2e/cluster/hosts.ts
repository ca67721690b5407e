/** The script played by each host: the embedded one on a real disk, the simulator, and Restate. */
import type { EndpointOptions } from '@restatedev/restate-sdk'
import { expect, onTestFinished } from 'vitest'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { openAccountStore } from '../../../src/adapters/store/account-store.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import { openAccountAgent, permitSource } from '../../../src/adapters/ztm/account-agent.ts'
import { createCluster, type Found, keyIn, postsAt } from '../../../src/cluster.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { answeredBy, type ChatId, parseChat, type ReplyKey } from '../../../src/domain/ids.ts'
import { replyKeyOf } from '../../../src/domain/inbound.ts'
import type { Json } from '../../../src/domain/json.ts'
import { identify } from '../../../src/domain/message-id.ts'
import type { AccountSettings } from '../../../src/domain/settings.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { createRuntime } from '../../../src/runtime/create-runtime.ts'
import { replayFrom } from '../../../src/runtime/replay.ts'
import { createMesh, type SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createWorld } from '../../../src/simulator/world.ts'
import { folderInTest } from '../../runner/cli.ts'
import { type Restate, startRestate } from './restate.ts'
import { BOT, CONFIG, chatOf, codeOf, Effects, gather, type Line, MESH, named, read, respond, SCRIPT, say } from './script.ts'

const ACCOUNT = 'default'
const { limits } = parseConfig({ ...CONFIG, agentUrl: 'http://localhost' }).accounts[0]!
const PATIENCE = { timeout: 60_000, interval: 50 }

/** What a host has kept, by key, and what it has carried out, by chat. */
export type Ending = { readonly kept: Json; readonly effects: Json }

/** Of the account there is more, which only who reads the mesh needs. */
function comparable(mesh: SimMesh, entries: ReadonlyMap<string, Json>): Json {
  const { approved = [] } = (entries.get('account') ?? {}) as { readonly approved?: Json }
  const others = [...entries].filter(([key]) => key !== 'account').toSorted(([one], [other]) => (one < other ? -1 : 1))
  return named(mesh, { approved, ...Object.fromEntries(others) })
}

async function entriesIn(store: Store): Promise<ReadonlyMap<string, Json>> {
  await store.load()
  const { entries, problems } = await replayFrom(store, limits)
  await store.close()
  expect(problems).toEqual([])
  return entries
}

const placeOf = (line: Line) => ({ by: line.by, to: 'to' in line ? line.to : (`peer:${BOT}` as const) })

async function realMesh(config: Readonly<Record<string, unknown>> = CONFIG) {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
  await gather(mesh)
  const { url, close } = await serveAgent(mesh.user(BOT).agent)
  onTestFinished(close)
  const { accounts } = parseConfig({ ...config, agentUrl: url })
  return { mesh, settings: accounts[0]! }
}

/** The real one, over HTTP. */
function agentAt(settings: AccountSettings, onPost: (chat: ChatId, key: ReplyKey | null) => void): ZtmAgent {
  const agent = openAccountAgent(settings, systemClock, null)
  return {
    ...agent,
    post(chat, message, signal) {
      onPost(chat, replyKeyOf(message))
      return agent.post(chat, message, signal)
    },
  }
}

export async function embedded(): Promise<Ending> {
  const { mesh, settings } = await realMesh()
  const root = await folderInTest()
  const effects = new Effects()
  const store = () => openAccountStore({ root, account: ACCOUNT })
  const runtime = createRuntime({
    accounts: [settings],
    ports: {
      clock: systemClock,
      random: cryptoRandom,
      log: createMemoryLog().log,
      agent: () => agentAt(settings, (chat, key) => effects.posted(chat, key)),
      store,
      responder: {
        respond(request) {
          effects.asked(request.chat, request.messageId, request.attempt)
          return respond(request)
        },
      },
      permits: permitSource(systemClock),
    },
  })
  await runtime.start()
  const account = runtime.account(ACCOUNT)!
  for (const line of SCRIPT) {
    if ('says' in line) await say(mesh, line)
    else await account.approve(codeOf(mesh, line.by))
    const { by, to } = placeOf(line)
    await expect.poll(() => read(mesh, by, to), PATIENCE).toBe(line.reads)
    await expect.poll(() => account.status(), PATIENCE).toMatchObject({ outbox: 0, counters: { seen: seenUntil(line) } })
  }
  await runtime.stop()
  return { kept: comparable(mesh, await entriesIn(await store())), effects: named(mesh, effects.byChat()) }
}

/** So many messages have been said by then: what is not answered is waited for, too. */
const seenUntil = (line: Line): number => SCRIPT.slice(0, SCRIPT.indexOf(line) + 1).filter(one => 'says' in one).length

export async function simulated(): Promise<Ending> {
  const effects = new Effects()
  const world = createWorld({
    config: CONFIG,
    responder: { respond },
    onEvent(event) {
      if (event.event === 'dispatch') effects.asked(event.chat, event.id, event.attempt)
      if (event.event === 'posted') effects.posted(event.chat, event.key)
    },
  })
  const { mesh } = world
  await gather(mesh)
  await world.start()
  for (const line of SCRIPT) {
    if ('says' in line) await say(mesh, line)
    else await world.account.approve(codeOf(mesh, line.by))
    await world.settle()
    const { by, to } = placeOf(line)
    expect(read(mesh, by, to), JSON.stringify(line)).toBe(line.reads)
  }
  await world.stop()
  return { kept: comparable(mesh, await entriesIn(await openStore({ disk: world.disk() }))), effects: named(mesh, effects.byChat()) }
}

/** Reads a chat as a feeder does, and tells Restate all that it finds there, whether it has told it before or not. */
async function feed(restate: Restate, agent: ZtmAgent, chat: ChatId): Promise<void> {
  const messages = (await agent.messages(chat, 0)) ?? []
  const group = parseChat(chat)
  const members = group.kind === 'group' ? ((await agent.group(group.creator, group.group))?.members ?? []) : []
  const answered = new Set(messages.flatMap(({ message }) => replyKeyOf(message) ?? []).map(answeredBy))
  const found: Found = {
    feeder: null,
    source: 'app',
    liveAtMs: systemClock.now(),
    openedAtMs: 0,
    isFirstLoad: false,
    indexBeginMs: null,
    indexedMs: null,
    nowMs: systemClock.now(),
    seen: [],
    messages: identify(chat, messages).map(({ id, raw }) => ({
      id,
      sender: raw.sender,
      timeMs: Number(raw.time),
      arrivedMs: null,
      message: raw.message ?? null,
      membership: members.includes(raw.sender) ? 'member' : 'outsider',
      isAnswered: answered.has(id),
    })),
  }
  const answer = await restate.call(`/chat/${encodeURIComponent(keyIn(ACCOUNT, chat))}/receive`, found)
  expect(answer).toEqual({ status: 200, body: { taken: found.messages.length } })
}

type Row = { readonly service_name: string; readonly service_key: string; readonly value_utf8: string }

export async function entriesOf(restate: Restate): Promise<ReadonlyMap<string, Json>> {
  const rows = (await restate.query("SELECT service_name, service_key, value_utf8 FROM state WHERE key = 'entry'")) as readonly Row[]
  const found = rows.map(({ service_name: kind, service_key: key, value_utf8: value }): readonly [string, Json] => {
    const { version, stored } = JSON.parse(value) as { readonly version: number; readonly stored: Json }
    expect(version).toBe(1)
    const name = key.slice(keyIn(ACCOUNT, '').length)
    return [kind === 'account' ? kind : `${kind}:${name}`, stored]
  })
  return new Map(found.filter(([, stored]) => stored !== null))
}

export interface OnRestate {
  readonly mesh: SimMesh
  readonly restate: Restate
  readonly effects: Effects
  play(line: Line): Promise<void>
  /** The process starts anew, with these settings changed, as this release has it. */
  restart(changed: Partial<AccountSettings>, release?: typeof createCluster): void
  ending(): Promise<Ending>
}

export type OnRestateOptions = {
  readonly config?: Readonly<Record<string, unknown>>
  /** What is between Restate and the agent. */
  readonly around?: (agent: ZtmAgent, restate: () => Restate) => ZtmAgent
  readonly answer?: typeof respond
  /** Beside those of the cluster. */
  readonly services?: EndpointOptions['services']
}

export async function startOnRestate({
  config = CONFIG,
  around = agent => agent,
  answer = respond,
  services: others = [],
}: OnRestateOptions = {}): Promise<OnRestate> {
  const { mesh, settings } = await realMesh(config)
  const effects = new Effects()
  const real = agentAt(settings, (chat, key) => effects.posted(chat, key))
  const agent = around(real, () => restate)
  onTestFinished(() => agent.close())
  const servicesOf = (changed: Partial<AccountSettings>, release = createCluster) => [
    ...release({
      accounts: [{ ...settings, ...changed }],
      responder: {
        respond(request) {
          effects.asked(request.chat, request.messageId, request.attempt)
          return answer(request)
        },
      },
      posts: of => postsAt(agent, of, systemClock),
    }),
    ...others,
  ]
  const restate = await startRestate(servicesOf({}))
  return {
    mesh,
    restate,
    effects,
    async play(line) {
      const place = placeOf(line)
      if ('says' in line) {
        const chat = chatOf(line)
        await say(mesh, line)
        await expect
          .poll(() => mesh.user(BOT).inbox(chat), PATIENCE)
          .toContainEqual(expect.objectContaining({ sender: line.by, message: { text: line.says } }))
        await feed(restate, agent, chat)
      } else {
        const { body } = await restate.call(`/account/${ACCOUNT}/approve`, { code: codeOf(mesh, line.by) })
        expect(body).toEqual({ user: line.by })
      }
      await expect.poll(() => read(mesh, place.by, place.to), PATIENCE).toBe(line.reads)
    },
    restart: (changed, release) => restate.serve(servicesOf(changed, release)),
    ending: async () => ({ kept: comparable(mesh, await entriesOf(restate)), effects: named(mesh, effects.byChat()) }),
  }
}
