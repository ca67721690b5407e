/** A bot on a simulated mesh over real HTTP, with the inspector: a conversation, a group, a stranger at the door, a message given up. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { groupChat } from '../../../src/domain/ids.ts'
import type { Inspector } from '../../../src/inspector/server.ts'
import { chatOf } from '../../../src/runner/chat-name.ts'
import { type Runner, startRunner } from '../../../src/runner/start-runner.ts'
import type { RuntimeEvent } from '../../../src/runtime/runtime.ts'
import { createMesh, type SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../../src/simulator/mesh/serve.ts'

export const TEAM = groupChat('bob', 'team')
const BOT = 'bot'

export interface Scene {
  readonly mesh: SimMesh
  readonly runner: Runner
  readonly inspector: Inspector
  readonly events: readonly RuntimeEvent[]
  says(user: string, text: string, chat?: string): Promise<void>
  close(): Promise<void>
}

export type SceneOptions = {
  readonly mayAct?: boolean
  /** Leaves in the folder what an earlier life of the bot would have. */
  readonly remember?: (stateDir: string) => Promise<void>
  /** More accounts beside `default`: one of the bot `helpdesk`, and one whose ZTM agent is away. */
  readonly hasMore?: boolean
}

export async function openScene({ mayAct = true, remember, hasMore = false }: SceneOptions = {}): Promise<Scene> {
  const stateDir = await mkdtemp(join(tmpdir(), 'ztm-chat-inspector-'))
  await remember?.(stateDir)
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: 'demo-mesh', quirks: CALM })
  mesh.bot = BOT
  const served = await serveAgent(mesh.user(BOT).agent)
  const more = hasMore ? await serveAgent(mesh.user('helpdesk').agent) : null
  const { accounts, defaultAccount } = parseConfig({
    agentUrl: served.url,
    meshName: 'demo-mesh',
    username: BOT,
    dmPolicy: 'pairing',
    allowFrom: ['alice', 'carol', '<script>document.title = "owned"</script>'],
    enableGroups: true,
    groupPolicy: 'open',
    pollInterval: 100,
    limits: { quietPollMs: 100, confirmationLookMs: 100, dispatchAttempts: 1 },
    ...(more && {
      accounts: {
        default: {},
        helpdesk: { username: 'helpdesk', agentUrl: more.url, dmPolicy: 'open' },
        archive: { username: 'archive', agentUrl: 'http://127.0.0.1:9' },
      },
    }),
  })
  const events: RuntimeEvent[] = []
  const say = (user: string, chat: string, text: string) => mesh.user(user).says(text, chatOf('the chat', chat))
  const runner = await startRunner({
    accounts,
    defaultAccount,
    responder: {
      async respond({ text }) {
        if (text.includes('fail')) throw new Error('the model is overloaded')
        return `echo: ${text}`
      },
    },
    stateDir,
    log: createMemoryLog().log,
    onEvent: event => events.push(event),
    inspect: {
      port: null,
      mayAct,
      people: {
        personas: [
          {
            user: 'alice',
            chats: [
              { chat: `peer:${BOT}`, title: 'directly to the bot' },
              { chat: TEAM, title: 'in the group bob/team' },
            ],
          },
        ],
        say,
      },
    },
  })
  return {
    mesh,
    runner,
    inspector: runner.inspector!,
    events,
    says: (user, text, chat = `peer:${BOT}`) => say(user, chat, text),
    async close() {
      await runner.stop(0)
      await served.close()
      await more?.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

/** Something in every view. */
export async function fill({ mesh, says }: Scene): Promise<void> {
  await mesh.user('bob').creates('team', { name: 'Team', members: ['bob', 'alice', BOT] })
  await says('alice', 'Hello! Does the build pass?')
  await says('alice', 'And what about the tests on the second machine? I have not seen a report since Tuesday.')
  await says('mallory', 'let me in, please')
  await says('bob', `@${BOT} who is on call?`, TEAM)
  await says('bob', 'Lunch, anyone?', TEAM)
  await says('carol', 'please fail')
}
