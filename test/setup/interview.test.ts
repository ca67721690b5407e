import { describe, expect, test } from 'vitest'
import { ZtmAgentUnreachable } from '../../src/domain/errors.ts'
import { interview, summaryOf } from '../../src/setup/interview.ts'
import type { OpenAgent } from '../../src/setup/probe.ts'
import type { Section } from '../../src/setup/section.ts'
import { createSimulation } from '../plugin/stand-ins.ts'
import { type Script, scriptedPrompter } from './scripted-prompter.ts'

const URL = 'http://localhost:7777'
/** An agent that has joined the mesh "home" as my-bot. */
const joined: OpenAgent = settings => createSimulation().agentOf(settings)
const away: OpenAgent = settings => {
  throw new ZtmAgentUnreachable(`GET ${settings.agentUrl}/api/version got no connection; is the ZTM agent running there?`)
}

async function run(
  script: Script,
  { section = {}, account = 'default', open = joined }: { section?: Section; account?: string; open?: OpenAgent } = {},
) {
  const { prompter, told, left } = scriptedPrompter(script)
  const deadline = () => new AbortController().signal
  const answered = await interview({ prompter, section, account, open, deadline })
  return { answered, told, left: left() }
}

const AS_OFFERED: Script = [
  ['Step 1', undefined],
  ['Step 2', undefined],
  ['Step 3', undefined],
  ['Step 4', undefined],
  ['may write without a code', undefined],
  ['Step 5', undefined],
  ['Save this', undefined],
]

test('who takes what is offered at every step gets a bot that works, on the mesh and with the user that the agent has', async () => {
  const { answered, told, left } = await run(AS_OFFERED)

  expect(answered).toEqual({
    agentUrl: URL,
    meshName: 'home',
    username: 'my-bot',
    dmPolicy: 'pairing',
    allowFrom: [],
    enableGroups: false,
  })
  expect(told).toContain('The connection works.')
  expect(left).toEqual([])
})

test('what does not fit is said in the words of the config, and asked again', async () => {
  const { told } = await run([['Step 1', 'localhost:7777'], ...AS_OFFERED])

  expect(told[0]).toBe('agentUrl is "localhost:7777"; expected an http or https URL, such as "http://localhost:7777".')
})

describe('an agent that does not answer', () => {
  test('is looked at again under another URL', async () => {
    let asked = 0
    const late: OpenAgent = settings => (asked++ === 0 ? away(settings) : joined(settings))

    const { answered } = await run([['Step 1', undefined], ['What now', 'again'], ...AS_OFFERED], { open: late })

    expect(answered).toMatchObject({ meshName: 'home', username: 'my-bot' })
  })

  test('may be started later: the mesh, a permit and the user are asked for', async () => {
    const { answered, told } = await run(
      [
        ['Step 1', undefined],
        ['What now', 'go on'],
        ['Step 2', undefined],
        ['permit to join', undefined],
        ['permit server', undefined],
        ['Step 3', undefined],
        ['Step 4', 'allowlist'],
        ['Users who may write, separated', ' alice , bob'],
        ['Step 5', true],
        ['in groups', 'open'],
        ['mentioned', undefined],
        ['Save this', undefined],
      ],
      { open: away },
    )

    expect(answered).toEqual({
      agentUrl: URL,
      meshName: 'openclaw-mesh',
      permitSource: 'server',
      permitUrl: 'https://clawparty.flomesh.io:7779/permit',
      username: 'openclaw-bot',
      dmPolicy: 'allowlist',
      allowFrom: ['alice', 'bob'],
      enableGroups: true,
      groupPolicy: 'open',
      requireMention: true,
    })
    expect(told).toContain('The connection does not work yet.')
    expect(told.join('\n')).toContain('Direct messages: allowlist, only the users named here; allowed: alice, bob')
  })
})

test('a permit from a file takes the place of one from a server', async () => {
  const before = { agentUrl: URL, meshName: 'work', username: 'my-bot', permitSource: 'server', permitUrl: 'https://permit.example/permit' }
  const { answered } = await run(
    [
      ['Step 1', undefined],
      ['Step 2', null],
      ['by name', undefined],
      ['permit to join', 'file'],
      ['permit file', '~/permit.json'],
      ...AS_OFFERED.slice(2),
    ],
    { section: before },
  )

  expect(answered).toMatchObject({ meshName: 'work', permitSource: 'file', permitFilePath: '~/permit.json' })
  expect(answered).not.toHaveProperty('permitUrl')
})

test('the summary stands before anything is saved, and who leaves has changed nothing', async () => {
  const { answered, told } = await run([...AS_OFFERED.slice(0, -1), ['Save this', 'leave']])

  expect(answered).toBeNull()
  expect(told.find(line => line.startsWith('Step 6 of 6'))).toBe(
    'Step 6 of 6: summary: ZTM agent: http://localhost:7777\nMesh: home\nUser: my-bot\nDirect messages: pairing, strangers get a pairing code\nGroups: off',
  )
})

test('who wants to change something is asked again, with the answers as they were', async () => {
  const { answered } = await run([
    ...AS_OFFERED.slice(0, 3),
    ['Step 4', 'open'],
    ['Step 5', true],
    ['in groups', undefined],
    ['mentioned', false],
    ['Save this', 'again'],
    ...AS_OFFERED.slice(0, 3),
    ['Step 4', undefined],
    ['Step 5', undefined],
    ['in groups', undefined],
    ['mentioned', undefined],
    ['Save this', 'save'],
  ])

  expect(answered).toMatchObject({ dmPolicy: 'open', enableGroups: true, groupPolicy: 'allowlist', requireMention: false })
})

test('a user who is not the agent’s own is pointed out at once', async () => {
  const { told } = await run([...AS_OFFERED.slice(0, 2), ['Step 3', 'other-bot'], ...AS_OFFERED.slice(3, -1), ['Save this', 'leave']])

  expect(told).toContain('User: The agent is "my-bot" on the mesh "home"; with another name the account stays blocked.')
  expect(told).toContain('The connection does not work yet.')
})

test('options that the questions do not touch stay as they are', async () => {
  const { answered } = await run(AS_OFFERED, { section: { meshName: 'home', username: 'my-bot', feed: 'poll', accounts: null } })

  expect(answered).toMatchObject({ feed: 'poll' })
})

test('a config that cannot be saved is shown as it would be written, with what is wrong', () => {
  expect(summaryOf(null, { meshName: 'home', allowFrom: [] })).toEqual(['meshName: "home"', 'allowFrom: []'])
})
