/** What an operator does before a gateway runs: link a checkout, add accounts, have the config checked and mended. No gateway is started. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { slotTable } from '../../plugin/slots.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { installHost, packPlugin } from './package-under-test.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })

let gateway: Gateway
/** It has the checkout linked, and no tarball. */
let linked: Gateway
let homeAgent: ServedAgent
let workAgent: ServedAgent

beforeAll(async () => {
  await installHost()
  const tarball = await packPlugin()
  homeAgent = await serveAgent(mesh.user('home-bot').agent)
  workAgent = await serveAgent(mesh.user('work-bot').agent)
  ;[gateway, linked] = await Promise.all([createGateway(), createGateway()])
  await Promise.all([gateway.configure({}), linked.configure({})])
  await Promise.all([
    gateway.must('plugins', 'install', `npm-pack:${tarball}`, '--force', '--accept-capabilities'),
    // OpenClaw 2026.9.6 links the checkout, and then ends with a complaint about its own index ("conflicting child rows").
    linked.run('plugins', 'install', '-l', ROOT, '--force', '--accept-capabilities'),
  ])
})

afterAll(async () => {
  await gateway?.dispose()
  await linked?.dispose()
  await homeAgent?.close()
  await workAgent?.close()
})

test('docs/openclaw.md says of every slot in the types of the host whether it is given', async () => {
  const types = join(import.meta.dirname, 'node_modules', 'openclaw', 'dist')
  const [file] = (await readdir(types)).filter(name => /^types\.plugin-.*\.d\.ts$/.test(name))
  const text = await readFile(join(types, file ?? ''), 'utf8')
  const [, body = ''] = /type ChannelPlugin<[^{]*> = \{\n([\s\S]*?)\n\};/.exec(text) ?? []
  const slots = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, slot]) => slot)

  expect(slots.length).toBeGreaterThan(30)
  expect(slotTable().map(({ slot }) => slot)).toEqual(slots)
})

const add = (...flags: readonly string[]) => gateway.run('channels', 'add', '--channel', 'ztm-chat', ...flags)
const section = async () => JSON.parse(await readFile(join(gateway.stateDir, '..', 'openclaw.json'), 'utf8')).channels?.['ztm-chat']
const said = ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`

test('channels add refuses what does not fit, with every problem and its remedy, and writes nothing', async () => {
  const refused = await add('--agent-url', 'ftp://home', '--tls-key', 'key.pem')

  expect(refused.code).not.toBe(0)
  expect(said(refused)).toContain('agentUrl is "ftp://home"; expected an http or https URL, such as "http://localhost:7777".')
  expect(said(refused)).toContain('meshName is missing; set it to the mesh')
  expect(said(refused)).toContain('tls has key, but no cert; set both, or neither.')
  expect(await section()).toBeUndefined()
})

test('channels add needs the URL of the agent alone, and says whether the connection works', async () => {
  const added = await add('--agent-url', homeAgent.url, '--allow-from', 'alice,bob')

  expect(said(added)).toContain('Added ZTM Chat account "default".')
  expect(said(added)).toContain('Connection test: works. ZTM agent v2.0.0, mesh home, user home-bot')
  expect(await section()).toMatchObject({ agentUrl: homeAgent.url, meshName: 'home', username: 'home-bot', allowFrom: ['alice', 'bob'] })
})

test('a second account gets all that its flags say, and takes nothing away from the first', async () => {
  const permissions = '{"alice/team": {"groupPolicy": "open", "requireMention": false}}'
  const flags = ['--dm-policy', 'open', '--enable-groups', '--no-require-mention', '--feed', 'poll', '--first-sync', '10 min']
  const more = ['--media-max-mb', '2.5', '--limits', '{"dispatches": 4}', '--group-permissions', permissions]
  const added = await add('--account', 'work', '--name', 'Work', '--agent-url', workAgent.url, ...flags, ...more)

  expect(said(added)).toContain('Connection test: works. ZTM agent v2.0.0, mesh home, user work-bot')
  expect(await section()).toMatchObject({
    username: 'home-bot',
    allowFrom: ['alice', 'bob'],
    accounts: {
      default: {},
      work: {
        name: 'Work',
        agentUrl: workAgent.url,
        username: 'work-bot',
        dmPolicy: 'open',
        enableGroups: true,
        requireMention: false,
        feed: 'poll',
        firstSync: '10 min',
        mediaMaxMb: 2.5,
        limits: { dispatches: 4 },
        groupPermissions: JSON.parse(permissions),
      },
    },
  })
})

test('the security audit names whom the accounts let in', async () => {
  const audit = said(await gateway.run('security', 'audit', '--json'))

  expect(audit).toContain('channels.ztm-chat.dm.open.work')
  expect(audit).not.toContain('channels.ztm-chat.dm.open.default')
})

test('an account can be removed, and the others stay', async () => {
  await gateway.must('channels', 'remove', '--channel', 'ztm-chat', '--account', 'work', '--delete')

  expect(await section()).toMatchObject({ username: 'home-bot', accounts: { default: {} } })
  expect(Object.keys((await section()).accounts)).toEqual(['default'])
})

/** Faults of the specification that a schema can see, two at a time (the host shows eight lines, some of which say nothing), and the words that help. */
const FAULTS: readonly (readonly [faults: object, ...words: RegExp[]])[] = [
  [{ dmPolicy: 'friends' }, /dmPolicy: .*"pairing", "allow", "open", "deny", "allowlist", "disabled"/],
  [{ agentURL: 'http://localhost:1', apiTimeout: 5 }, /additional properties: "agentURL"/, /apiTimeout: .*>= 1000/],
  [{ agentUrl: 'ftp://home', meshName: 'my mesh' }, /agentUrl: .*pattern/, /meshName: .*pattern/],
  [{ permitUrl: 'http://far.example/', allowFrom: 'alice' }, /permitUrl: .*pattern/, /allowFrom: .*array/],
  [{ groupPolicy: 'everyone' }, /groupPolicy: .*"allowlist", "open", "disabled"/],
  [{ enableGroups: 'yes', groupPermissions: { team: {} } }, /enableGroups: .*boolean/, /groupPermissions/],
]

test('config validate refuses each bad option, with its path and what is allowed', async () => {
  for (const [faults, ...words] of FAULTS) {
    await gateway.configure({ channels: { 'ztm-chat': { agentUrl: homeAgent.url, meshName: 'home', username: 'home-bot', ...faults } } })
    const refused = await gateway.run('config', 'validate')
    expect(refused.code).not.toBe(0)
    for (const each of words) expect(said(refused)).toMatch(each)
  }
})

test('both names of each policy, and a config of the older plugin, are taken as they are', async () => {
  const policies = ['pairing', 'allow', 'open', 'deny', 'allowlist', 'disabled']
  const older = {
    autoReply: true,
    permitSource: 'server',
    permitUrl: 'https://permit.example/permit',
    groupPermissions: { 'alice/team': { creator: 'alice', group: 'team', tools: null } },
  }
  const accounts = Object.fromEntries(
    policies.map(dmPolicy => [dmPolicy, { ...older, agentUrl: homeAgent.url, meshName: 'home', username: `${dmPolicy}-bot`, dmPolicy }]),
  )
  await gateway.configure({ channels: { 'ztm-chat': { enabled: true, accounts } } })

  expect(said(await gateway.must('config', 'validate'))).toContain('Config valid')
})

test('doctor points out what has no effect any more, and takes it out', async () => {
  const mended = said(await gateway.run('doctor', '--fix', '--non-interactive'))

  expect(mended).toContain('channels.ztm-chat.accounts.pairing.autoReply')
  expect((await section()).accounts.pairing).not.toHaveProperty('autoReply')
  expect((await section()).accounts.deny).toMatchObject({ dmPolicy: 'deny', username: 'deny-bot' })
})

test('a checkout that is linked is loaded from where it lies', async () => {
  const shown = await linked.must('plugins', 'inspect', 'ztm-chat')

  expect(shown.stdout).toContain('Status: enabled')
  expect(shown.stdout).toContain(`Source: ${join(ROOT, 'dist', 'src', 'plugin', 'index.js')}`)
})
