/** From nothing to the first answer with what the README says, and no more; then every other command that it shows. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { commandLines, words } from '../../docs/commands.ts'
import { documentAt, section } from '../../docs/markdown.ts'
import { createGateway, type Gateway, type Output } from './gateway.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { installHost, packPlugin } from './package-under-test.ts'
import { conversation, modelConfig } from './world.ts'

/** The names that the README uses. */
const BOT = 'my-bot'
const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })
const bot = mesh.user(BOT)
const alice = conversation(mesh.user('alice'), BOT, `peer:${BOT}`, async () => (await gateway.log()).slice(-6_000))

let gateway: Gateway
let model: ModelServer
let agent: ServedAgent
let tarball: string
const commands = commandLines(section(documentAt('README.md'), 'Install in OpenClaw'), ['openclaw', 'npm'])
const steps: string[] = []
let beganMs = 0

beforeAll(async () => {
  await installHost()
  tarball = await packPlugin()
  model = await startModelServer()
  agent = await serveAgent(bot.agent)
  gateway = await createGateway()
  // What every user of OpenClaw has before: a model.
  await gateway.configure(modelConfig(model.url))
})

afterAll(async () => {
  await gateway?.dispose()
  await agent?.close()
  await model?.close()
})

/** Where the README's example and this machine differ: the tarball, and the port of the agent. */
const here = (command: string): string =>
  command.replace(/npm-pack:\S+\.tgz/, `npm-pack:${tarball}`).replaceAll('http://localhost:7777', agent.url)

async function follow(command: string): Promise<Output> {
  steps.push(command)
  const [program, ...rest] = words(here(command))
  if (program !== 'openclaw') throw new Error(`Not a command of OpenClaw: ${command}`)
  if (rest.join(' ') !== 'gateway run') return gateway.must(...rest)
  await gateway.start()
  return { code: 0, stdout: '', stderr: '' }
}

const install = () => commands.slice(0, commands.indexOf('openclaw gateway run') + 1).filter(command => command.startsWith('openclaw '))

test("a fresh gateway answers a stranger after the README's commands and one approval", async () => {
  beganMs = performance.now()
  for (const command of install()) await follow(command)

  await alice.says('hello bot')
  const notice = await alice.hears(/Pairing code: /)
  const code = /openclaw pairing approve ztm-chat (\S+)/.exec(notice)?.[1] ?? ''
  expect((await follow('openclaw pairing list ztm-chat')).stdout).toContain('alice')
  // The first approval makes the owner, too, which restarts the channel in the middle of the turn.
  expect((await follow(`openclaw pairing approve ztm-chat ${code}`)).stdout).toContain('Approved ztm-chat sender alice')
  await alice.hears('model says: hello bot')

  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0)
  console.log(`From the tarball to the first answer: ${steps.length} commands, ${seconds} s.\n${steps.map(step => `  ${step}`).join('\n')}`)
  expect(alice.heard().filter(text => text.startsWith('model says: '))).toEqual(['model says: hello bot'])
})

/** Placeholders of the README that stand for something here. */
const SETTLED = /pairing (?:list|approve)|plugins install|config set channels\.ztm-chat '|gateway run$/

test('every other command that the README shows works in it', async () => {
  const others = commands.filter(command => command.startsWith('openclaw ') && !SETTLED.test(command))
  const switches = others.filter(command => command.includes('config set'))
  // It wants the state for itself.
  const mends = others.filter(command => command.includes('--fix'))
  const looks = others.filter(command => !switches.includes(command) && !mends.includes(command))
  // Each loads the host anew, for seconds of one core's time: two at a time.
  while (looks.length > 0) await Promise.all(looks.splice(0, 2).map(follow))
  await alice.hears('hello')
  for (const command of switches) await follow(command)
  await gateway.stop()
  for (const command of mends) await follow(command)
})
