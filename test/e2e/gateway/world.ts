/**
 * One gateway with the packed plugin, shared by every scenario file of a run: a start takes longer than most scenarios. Each scenario
 * has users and groups of its own, so that it can run alone, and in any order. What has to begin with an empty gateway, or changes the
 * whole of it, makes one with `createGateway`.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import type { Json } from '../../../src/domain/json.ts'
import { SimMesh, type SimUser } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { installHost, packPlugin } from './package-under-test.ts'
import { until } from './until.ts'

/** A cold gateway on two busy cores takes its time for a turn. */
export const ANSWER_MS_MAX = 240_000
export const MESH = 'home'

/** The accounts of the shared gateway, by id; the bot of account `x` is the mesh user `x-bot`. What they do not say is the README's default. */
const ACCOUNTS = {
  paired: { dmPolicy: 'pairing', allowFrom: ['listed-user'], enableGroups: true, groupPolicy: 'open' },
  starred: { dmPolicy: 'allowlist', allowFrom: ['*'], enableGroups: true, groupPolicy: 'open' },
  open: { dmPolicy: 'open', enableGroups: true, groupPolicy: 'open' },
  listed: { dmPolicy: 'allowlist', allowFrom: ['listed-user'], enableGroups: true, groupPolicy: 'allowlist' },
  grouped: {
    dmPolicy: 'disabled',
    enableGroups: true,
    groupPermissions: {
      'gina/open': { groupPolicy: 'open' },
      'gina/open-free': { groupPolicy: 'open', requireMention: false },
      'gina/listed': { allowFrom: ['lena'] },
      'gina/listed-free': { allowFrom: ['lena'], requireMention: false },
      'gina/before': { allowFrom: ['lena'] },
      'gina/closed': { groupPolicy: 'disabled' },
      'gina/closed-free': { groupPolicy: 'disabled', requireMention: false },
    },
  },
  tooled: {
    dmPolicy: 'disabled',
    enableGroups: true,
    groupPolicy: 'open',
    requireMention: false,
    groupPermissions: {
      'tara/readers': { tools: { allow: ['read'] }, toolsBySender: { uli: { alsoAllow: ['exec'] }, vera: { deny: ['read'] } } },
      'tara/Writers': { tools: { allow: ['write'] }, toolsBySender: { uli: { allow: ['edit'] } } },
      'tara/none': { tools: { allow: ['read'], deny: ['*'] } },
      'tara/without-exec': { tools: { deny: ['exec'] } },
    },
  },
  off: { dmPolicy: 'disabled', allowFrom: ['listed-user'], enableGroups: false },
} as const
export type Account = keyof typeof ACCOUNTS

/** One chat as one user sees it. */
export interface Conversation {
  says(message: Json): Promise<void>
  /** Texts of the bot, in the order of the chat. */
  heard(): readonly string[]
  /** Resolves with the bot's first text, among all of this chat, that is or matches this. */
  hears(text: string | RegExp): Promise<string>
}

export interface World {
  readonly mesh: SimMesh
  readonly model: ModelServer
  readonly gateway: Gateway
  readonly accounts: readonly string[]
  /** The mesh user of this account's bot. */
  bot(account: Account): SimUser
  /** The bot's agent, over HTTP. */
  agent(account: Account): ServedAgent
  /** A user's own chat with the bot of this account, or a group that both are in. */
  chat(user: string, account: Account, group?: ChatId): Conversation
  /** What was decided about a message of this chat, as `action reason`; `nth` counts those of this sender. */
  decision(account: Account, chat: ChatId, sender?: string, nth?: number): Promise<string>
  /** Resolves when the user's chat app shows the group. */
  appears(user: string, group: ChatId): Promise<void>
  /** Resolves when the change is made and the account has come to this state again. */
  comesAgain(account: Account, change: () => Promise<unknown>, state?: 'live' | 'degraded'): Promise<void>
  /** Sets options of one account, which restarts; resolves when that account has come to this state again. */
  setAccount(account: Account, options: Readonly<Record<string, unknown>>, state?: 'live' | 'degraded'): Promise<void>
  /** Sets the gateway's own section on tools; resolves when it has taken it. It has to differ from the one before. */
  setTools(tools: Readonly<Record<string, unknown>>): Promise<void>
  /** What the host finds from now on under these names; resolves to a reference to each. */
  keepSecrets<Name extends string>(secrets: Readonly<Record<Name, string>>): Promise<Record<Name, object>>
  /** Lines of the gateway's log that matter to people. */
  tail(): Promise<string>
  close(): Promise<void>
}

/** Where all scenario files of one process find the same world. */
const SHARED = Symbol.for('ztm-chat/e2e/world')
type Holder = typeof globalThis & { [SHARED]?: Promise<World> }

/**
 * The shared world, its gateway running. Nobody closes it: the gateway has a watchman, who ends it with this process.
 */
export async function sharedWorld(): Promise<World> {
  const holder: Holder = globalThis
  holder[SHARED] ??= createWorld(ACCOUNTS)
  const world = await holder[SHARED]
  await world.gateway.start()
  return world
}

async function createWorld(accounts: Readonly<Record<string, object>>): Promise<World> {
  await installHost()
  const tarball = await packPlugin()
  const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
  const model = await startModelServer()
  const agents = new Map<string, ServedAgent>()
  for (const id of Object.keys(accounts)) agents.set(id, await serveAgent(mesh.user(nameOf(id)).agent))
  const gateway = await createGateway()
  const secretsPath = join(gateway.stateDir, '..', 'secrets.json')
  await gateway.configure({ ...modelConfig(model.url), secrets: { providers: { kept: { source: 'file', path: secretsPath } } } })
  await gateway.must('plugins', 'install', `npm-pack:${tarball}`, '--force', '--accept-capabilities')
  let section: Record<string, Record<string, unknown>> = Object.fromEntries(
    Object.entries(accounts).map(([id, options]) => [id, { ...options, agentUrl: agents.get(id)?.url, username: nameOf(id) }]),
  )
  const write = () => gateway.configure({ channels: { 'ztm-chat': { meshName: MESH, accounts: section } } })
  await write()
  await gateway.start()

  const comesAgain: World['comesAgain'] = async (account, change, state = 'live') => {
    const before = comings(await gateway.log(), account, state)
    await change()
    const isBack = async () => comings(await gateway.log(), account, state) > before
    await until(`account ${account} is ${state} again`, isBack, ANSWER_MS_MAX, tail)
  }
  const tail = async () =>
    (await gateway.log())
      .split('\n')
      .filter(line => !line.startsWith('{'))
      .slice(-40)
      .join('\n')

  return {
    mesh,
    model,
    gateway,
    accounts: Object.keys(accounts),
    bot: account => mesh.user(nameOf(account)),
    agent: account => agents.get(account) ?? missing(account),
    chat: (user, account, group) => conversation(mesh.user(user), nameOf(account), group ?? `peer:${nameOf(account)}`, tail),
    decision: (account, chat, sender, nth = 0) =>
      until(
        `account ${account} decides about ${sender ?? 'a message'} in ${chat}`,
        async () => decisions(await gateway.log(), account, chat, sender)[nth] ?? false,
        ANSWER_MS_MAX,
        tail,
      ),
    async appears(user, group) {
      await until(
        `${user} sees ${group}`,
        async () => JSON.stringify(await mesh.user(user).gets('/chats')).includes(`"${group.slice(group.indexOf('/') + 1)}"`),
        ANSWER_MS_MAX,
      )
    },
    comesAgain,
    async setAccount(account, options, state) {
      section = { ...section, [account]: { ...section[account], ...options } }
      await comesAgain(account, write, state)
    },
    async setTools(tools) {
      const before = toolChanges(await gateway.log())
      await gateway.configure({ tools: { ...modelConfig(model.url).tools, ...tools } })
      await until('the gateway has the tools', async () => toolChanges(await gateway.log()) > before, ANSWER_MS_MAX, tail)
    },
    async keepSecrets(secrets) {
      await writeFile(secretsPath, JSON.stringify(secrets), { mode: 0o600 })
      const refs = Object.keys(secrets).map(name => [name, { source: 'file', provider: 'kept', id: `/${name}` }])
      return Object.fromEntries(refs)
    },
    tail,
    async close() {
      await gateway.dispose()
      for (const agent of agents.values()) await agent.close()
      await model.close()
    },
  }
}

const nameOf = (account: string): string => `${account}-bot`
const missing = (account: string): never => {
  throw new Error(`There is no account ${account}.`)
}

export function conversation(user: SimUser, bot: string, chat: ChatId, tail: () => Promise<string>): Conversation {
  const heard = () =>
    user
      .inbox(chat)
      .filter(({ sender }) => sender === bot)
      .map(({ message }) => textIn(message))
  return {
    says: message => user.says(message, chat),
    heard,
    hears: text =>
      until(
        `${user.name} hears ${text}`,
        () => heard().find(line => (typeof text === 'string' ? line === text : text.test(line))) ?? false,
        ANSWER_MS_MAX,
        async () => `It was ${JSON.stringify(heard())}.\n${await tail()}`,
      ),
  }
}

const textIn = (message: unknown): string =>
  typeof message === 'object' && message !== null && 'text' in message && typeof message.text === 'string' ? message.text : ''

function decisions(log: string, account: string, chat: ChatId, sender?: string): readonly string[] {
  const lines = log
    .split('\n')
    .filter(line => line.startsWith('{') && line.includes(`[${account}] decision chat=`))
    .map(line => line.replaceAll('\\"', '"'))
    .filter(line => line.includes(` decision chat="${chat}" `) && (sender === undefined || line.includes(` sender="${sender}" `)))
  return lines.map(line => line.replace(/^.* action="([a-z_]+)" reason="([a-z_]+)".*$/, '$1 $2'))
}

/** How often the account has come to this state, by the log. */
const comings = (log: string, account: string, state: string): number =>
  log.split(`[${account}] account state`).filter(rest => new RegExp(`^[^\\n]{0,40}state=\\\\?"${state}`).test(rest)).length

/** How often the gateway has taken other tools, by the log. */
const toolChanges = (log: string): number => log.match(/config (?:change|hot reload) applied \([^)\n]*\btools\b/g)?.length ?? 0

/** A config in which the stub model answers. */
export const modelConfig = (baseUrl: string) => ({
  // The model is offered each tool by its name, and not all of them through one that searches.
  tools: { toolSearch: false },
  agents: { defaults: { model: { primary: 'stub/stub' } } },
  models: {
    mode: 'merge',
    providers: {
      stub: {
        baseUrl,
        apiKey: 'not-a-secret',
        api: 'openai-completions',
        models: [
          {
            id: 'stub',
            name: 'Stub',
            reasoning: false,
            input: ['text'],
            cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
            contextWindow: 64_000,
            maxTokens: 4_096,
          },
        ],
      },
    },
  },
})
