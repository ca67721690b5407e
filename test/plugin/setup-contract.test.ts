import { expect, test } from 'vitest'
import { ZtmAgentUnreachable } from '../../src/domain/errors.ts'
import type { DefineSetup } from '../../src/plugin/host.ts'
import { createSetupContract } from '../../src/plugin/setup-contract.ts'
import type { OpenAgent } from '../../src/setup/probe.ts'
import { defineSetup } from './define-setup.ts'
import { createSimulation } from './stand-ins.ts'

type Adapter = Parameters<DefineSetup>[0]['adapter']

/** What `openclaw channels add` does with the flags, as it does it. */
async function add(section: object, accountId: string, flags: object, open: OpenAgent = settings => createSimulation().agentOf(settings)) {
  const adapters: Adapter[] = []
  createSetupContract(
    contract => {
      adapters.push(contract.adapter)
      return defineSetup(contract)
    },
    async () => open,
  )
  const adapter = adapters[0]!
  const cfg = { channels: { 'ztm-chat': section } }
  const lines: string[] = []
  const runtime = { log: (line: unknown) => lines.push(String(line)), error: () => {}, exit: () => {} }
  const input = { ...flags, ...(await adapter.prepareAccountConfigInput?.({ cfg, accountId, input: { ...flags } })) }
  const fault = adapter.validateInput?.({ cfg, accountId, input }) ?? null
  if (fault !== null) return { fault }
  const added = adapter.applyAccountConfig({ cfg, accountId, input })
  await adapter.afterAccountConfigWritten?.({ cfg: added, accountId, input, runtime })
  return { section: added.channels?.['ztm-chat'], lines }
}

const AGENT = { agentUrl: 'http://localhost:7777' }

test('the URL of the agent is enough: mesh and user are its own', async () => {
  expect(await add({}, 'default', AGENT)).toEqual({
    section: { ...AGENT, meshName: 'home', username: 'my-bot' },
    lines: ['Connection test: works. ZTM agent v2.0.0, mesh home, user my-bot'],
  })
})

test('what the flags say counts, and a test that fails keeps the configuration', async () => {
  const { section, lines } = await add({}, 'default', { ...AGENT, username: 'other' })

  expect(section).toEqual({ ...AGENT, meshName: 'home', username: 'other' })
  expect(lines).toEqual([
    'Connection test: failed; the configuration is kept. The ZTM agent is "my-bot" on the mesh "home", but username says "other".',
  ])
})

test('a mesh that the agent has not joined is told with those that it has', async () => {
  expect((await add({}, 'default', { ...AGENT, meshName: 'hoem', username: 'my-bot' })).lines).toEqual([
    'Connection test: failed; the configuration is kept. The ZTM agent at http://localhost:7777 has not joined the mesh "hoem" (it has joined "home"); join it there, correct meshName, or set permitSource.',
  ])
})

test('a second account has the user of its own agent, and the root keeps its bot and stays as it is', async () => {
  const root = { agentUrl: 'http://localhost:1', meshName: 'home', username: 'root-bot', allowFrom: ['alice'] }

  expect((await add(root, 'work', { ...AGENT, dmPolicy: 'open' })).section).toEqual({
    ...root,
    accounts: { default: {}, work: { ...AGENT, meshName: 'home', username: 'my-bot', dmPolicy: 'open' } },
  })
})

test('without an answer of the agent everything that is missing or wrong is said at once, in the words of the config', async () => {
  const away: OpenAgent = () => {
    throw new ZtmAgentUnreachable('nobody there')
  }

  expect(await add({}, 'default', { ...AGENT, limits: 'many', tlsKey: 'key.pem' }, away)).toEqual({
    fault: [
      'limits is "many"; expected an object of limits, such as {dispatches: 4}.',
      'meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".',
      'username is missing; set it to the bot\'s own user on the mesh, such as "my-bot".',
      'tls has key, but no cert; set both, or neither.',
    ].join(' '),
  })
})

test('a change of one flag leaves the rest of the account alone, and switches it on', async () => {
  const before = { ...AGENT, meshName: 'home', username: 'my-bot', feed: 'poll', enabled: false }

  expect((await add(before, 'default', { dmPolicy: 'open' })).section).toEqual({ ...before, dmPolicy: 'open', enabled: true })
})
