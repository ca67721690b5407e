/** The packed plugin inside a real OpenClaw: a stub model answers, and the mesh is simulated, behind the real HTTP interface. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import type { ChatId } from '../../../src/domain/ids.ts'
import { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { installHost, packPlugin, typeFaults } from './package-under-test.ts'
import { until } from './until.ts'

const BOT = 'openclaw-bot'
const TEAM: ChatId = 'group:alice/team'
const ANSWER_MS_MAX = 120_000

const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })
const bot = mesh.user(BOT)
const alice = mesh.user('alice')
let gateway: Gateway
let model: ModelServer
let agent: ServedAgent

const said = z.object({ text: z.string() })
/** What the bot wrote in one of alice's chats, as her chat app shows it. */
const fromBot = (chat?: ChatId) =>
  alice
    .inbox(chat)
    .filter(({ sender }) => sender === BOT)
    .map(({ message }) => said.parse(message).text)

const botSays = (text: string | RegExp, chat?: ChatId) =>
  until(
    `the bot says ${text}`,
    () => fromBot(chat).find(line => (typeof text === 'string' ? line === text : text.test(line))) ?? false,
    ANSWER_MS_MAX,
    async () =>
      `It said ${JSON.stringify(fromBot(chat))}.\n${(await gateway.log())
        .split('\n')
        .filter(line => !line.startsWith('{'))
        .slice(-40)
        .join('\n')}`,
  )

beforeAll(async () => {
  await installHost()
  const tarball = await packPlugin()
  model = await startModelServer()
  agent = await serveAgent(bot.agent)
  gateway = await createGateway()
  await gateway.configure({
    agents: { defaults: { model: { primary: 'stub/stub' } } },
    models: { mode: 'merge', providers: { stub: stubModel(model.url) } },
  })
  await gateway.must('plugins', 'install', `npm-pack:${tarball}`, '--force', '--accept-capabilities')
  await gateway.configure({
    channels: { 'ztm-chat': { agentUrl: agent.url, meshName: 'home', username: BOT, enableGroups: true, groupPolicy: 'open' } },
  })
})

afterAll(async () => {
  await gateway?.dispose()
  await agent?.close()
  await model?.close()
})

test('src/plugin fits the declarations of the host itself', async () => {
  expect(await typeFaults()).toEqual([])
})

test('the installed plugin loads, and the host has nothing to complain about', async () => {
  expect((await gateway.must('config', 'validate')).stdout).toContain('Config valid')

  const inspected = inspection.parse(JSON.parse((await gateway.must('plugins', 'inspect', 'ztm-chat', '--runtime', '--json')).stdout))
  expect(inspected.plugin).toMatchObject({ status: 'loaded', channelIds: ['ztm-chat'] })
  expect(inspected.diagnostics).toEqual([])
  expect((await gateway.must('plugins', 'doctor')).stdout).toContain('checks passed')
})

test('a stranger gets a code; once it is approved on the command line, the message that was held is answered', async () => {
  await gateway.start()
  await alice.says('hello bot')
  const notice = await botSays(/Pairing code: /)
  const code = /openclaw pairing approve ztm-chat (\S+)/.exec(notice)?.[1] ?? ''

  // The first approval also restarts the channel, in the middle of the turn.
  expect((await gateway.must('pairing', 'approve', 'ztm-chat', code)).stdout).toContain('Approved ztm-chat sender alice')

  await botSays('model says: hello bot')
})

test('in a group a mention is answered, and what does not mention the bot is not', async () => {
  await alice.creates('team', { name: 'Team', members: ['alice', BOT] })
  await alice.says('nobody asked the bot', TEAM)
  await alice.says(`@${BOT} what time is it?`, TEAM)

  await botSays('model says: what time is it?', TEAM)
  expect(fromBot(TEAM)).toEqual(['model says: what time is it?'])
  expect(model.requests.map(({ user }) => user)).not.toContain('nobody asked the bot')
})

test('a group without configured tools is offered none that touch files or run commands', () => {
  const asked = model.requests.find(({ user }) => user === 'what time is it?')
  expect(asked?.tools).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(exec|read|write|edit|process)$/)]))
})

test('a command of the host is answered by the host', async () => {
  await alice.says('/status')
  await botSays(/OpenClaw \d/)
})

test('a message can be sent from the command line, through the outbox of the running account', async () => {
  await gateway.must('message', 'send', '--channel', 'ztm-chat', '--target', 'alice', '--message', 'from the shell')
  await botSays('from the shell')
})

test('status with a probe says that it works', async () => {
  const { stdout } = await gateway.must('channels', 'status', '--channel', 'ztm-chat', '--probe')
  expect(stdout).toMatch(/ZTM Chat default: enabled, configured, running, connected, .*transport:.*works/)
})

test('after a restart of the gateway nothing is answered twice', async () => {
  await gateway.stop()
  await alice.says('said while it was away')
  await gateway.start()

  await botSays('model says: said while it was away')
  expect(counted(fromBot().filter(text => text.startsWith('model says: ')))).toEqual({
    'model says: hello bot': 1,
    'model says: said while it was away': 1,
  })
})

test('killed while the model thinks, it answers once after the start', async () => {
  const held = model.hold()
  const before = model.requests.length
  await alice.says('think hard')
  await until('the model is asked', () => model.requests.length > before, ANSWER_MS_MAX)
  await gateway.kill()
  held.release()
  await gateway.start()

  // OpenClaw resumes the turn by itself, and quotes the message with words of its own around it.
  const resumed = /^model says: .*think hard$/s
  await botSays(resumed)
  await alice.says('and now?')
  await botSays('model says: and now?')
  expect(fromBot().filter(text => resumed.test(text))).toHaveLength(1)
})

const inspection = z.object({
  plugin: z.object({ status: z.string(), channelIds: z.array(z.string()) }),
  diagnostics: z.array(z.unknown()),
})

const counted = (texts: readonly string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(texts, text => text)).map(([text, all]) => [text, all?.length ?? 0]))

const stubModel = (baseUrl: string) => ({
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
})
