/** The world of the demo: a mesh served over HTTP, a bot that runs as any other, and people who look into their chats. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cryptoRandom } from '../../adapters/clock/crypto-random.ts'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { parseConfig } from '../../domain/config.ts'
import type { ChatId } from '../../domain/ids.ts'
import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { createMesh, type SimUser } from '../../simulator/mesh/mesh.ts'
import { CALM } from '../../simulator/mesh/quirks.ts'
import { serveAgent } from '../../simulator/mesh/serve.ts'
import { chatOf } from '../chat-name.ts'
import { openLog } from '../open-log.ts'
import { echoResponder } from '../responders/echo.ts'
import { startRunner } from '../start-runner.ts'

export const BOT = 'bot'

const LOOK_EVERY_MS = 20
const WAIT_MS_MAX = 10_000
const MESH = 'demo-mesh'

export interface Stage {
  readonly url: string
  /** Of the inspector page, with its token. */
  readonly inspectorUrl: string
  readonly stateDir: string
  user(name: string): SimUser
  now(): number
  /** The first event that fits, from now on or from the past; each is given once. */
  event<Event extends RuntimeEvent>(what: string, fits: (event: RuntimeEvent) => event is Event): Promise<Event>
  /** Events so far are not waited for any more. */
  forget(): void
  /** The next message of the bot in the chat, once this user sees it. */
  reply(user: SimUser, chat: ChatId, waitMsMax?: number): Promise<string>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const stateDir = await mkdtemp(join(tmpdir(), 'ztm-chat-demo-'))
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
  mesh.bot = BOT
  const served = await serveAgent(mesh.user(BOT).agent)
  const events: RuntimeEvent[] = []
  const shown = new Map<ChatId, number>()
  let isClosed = false
  const { accounts, defaultAccount } = parseConfig({
    agentUrl: served.url,
    meshName: MESH,
    username: BOT,
    enableGroups: true,
    groupPolicy: 'open',
    pollInterval: 200,
    limits: { quietPollMs: 200, confirmationLookMs: 200 },
  })
  const runner = await startRunner({
    accounts,
    defaultAccount,
    responder: echoResponder,
    stateDir,
    log: openLog(),
    onEvent: event => events.push(event),
    inspect: {
      port: null,
      people: {
        personas: ['alice', 'bob'].map(user => ({
          user,
          chats: [
            { chat: `peer:${BOT}`, title: 'directly to the bot' },
            { chat: 'group:bob/team', title: 'in the group bob/team' },
          ],
        })),
        say: (user, chat, text) => mesh.user(user).says(text, chatOf('the chat', chat)),
      },
    },
  })

  const until = async <T>(what: string, look: () => T | undefined, waitMsMax = WAIT_MS_MAX): Promise<T> => {
    for (const deadline = systemClock.monotonic() + waitMsMax; systemClock.monotonic() < deadline; await pause(LOOK_EVERY_MS)) {
      const found = look()
      if (found !== undefined) return found
      if (isClosed) throw new Error('the demo is over')
    }
    throw new Error(`the demo waited ${waitMsMax / 1_000} s for ${what}`)
  }

  return {
    url: served.url,
    inspectorUrl: runner.inspector?.url ?? '',
    stateDir,
    user: name => mesh.user(name),
    now: () => systemClock.monotonic(),
    event: <Event extends RuntimeEvent>(what: string, fits: (event: RuntimeEvent) => event is Event) =>
      until(what, () => {
        const index = events.findIndex(fits)
        return index < 0 ? undefined : (events.splice(index, 1)[0] as Event)
      }),
    forget: () => void events.splice(0),
    reply(user, chat, waitMsMax) {
      return until(
        `an answer to ${user.name}`,
        () => {
          const fromBot = user.inbox(chat).filter(entry => entry.sender === BOT)
          const next = fromBot[shown.get(chat) ?? 0]
          if (!next) return undefined
          shown.set(chat, (shown.get(chat) ?? 0) + 1)
          return textOf(next.message)
        },
        waitMsMax,
      )
    },
    async close() {
      isClosed = true
      await runner.stop(0)
      await served.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

const textOf = (message: unknown): string =>
  typeof message === 'object' && message !== null && 'text' in message ? String(message.text) : JSON.stringify(message)
