import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../../src/ports/clock.ts'
import { lookAtAgent } from '../../../src/runner/doctor/agent.ts'
import { peopleOf } from '../../../src/runner/doctor/people.ts'
import { createSimulation, settingsOf } from '../../plugin/stand-ins.ts'

const never = new AbortController().signal
const MINUTE_MS = 60_000

type Simulation = ReturnType<typeof createSimulation>

async function look(simulation: Simulation, config: object = {}, skewMs = 0) {
  const settings = settingsOf(config)
  const agent = simulation.agentOf(settings)
  onTestFinished(() => agent.close())
  const { clock } = simulation
  const ours: Clock = { ...clock, now: () => clock.now() + skewMs, monotonic: () => clock.monotonic() }
  const looking = lookAtAgent(agent, settings, ours, never)
  await clock.advance(MINUTE_MS)
  return looking
}

/** `check level: sentence`, in order. */
const lines = ({ findings }: Awaited<ReturnType<typeof look>>) =>
  findings.map(({ check, level, message }) => `${check} ${level}: ${message}`)
const of = (check: string, looked: Awaited<ReturnType<typeof look>>) => lines(looked).filter(line => line.startsWith(check))

const URL = 'http://localhost:7777'

describe('a look at the agent', () => {
  test('that is well', async () => {
    const looked = await look(createSimulation())

    expect(lines(looked)).toEqual([
      `agent ok: The ZTM agent at ${URL} answers; its version is v2.0.0.`,
      'mesh ok: The mesh "home" is joined and connected, and its hub sees the agent.',
      'user ok: The bot is "my-bot" on the mesh "home", as the agent is.',
      // What stands for certificates on the simulated mesh has no end.
      'certificate unknown: Not looked at: the agent does not say until when its certificate is good.',
      'feed ok: The agent has a file index: changes are pushed.',
      'clock ok: The clock of this machine agrees with that of the hub.',
    ])
    expect(looked).toMatchObject({ isJoined: true, isUsable: true })
  })

  test('that is down: everything behind it is unknown, and the first finding says what to do', async () => {
    const simulation = createSimulation()
    simulation.bot.agent.down()

    const looked = await look(simulation)

    expect(looked.findings[0]).toMatchObject({
      level: 'problem',
      check: 'agent',
      message: expect.stringContaining('connection refused'),
      remedy: 'Start the ZTM agent of the bot, or correct agentUrl.',
    })
    expect(looked.findings.slice(1).map(({ check, level }) => `${check} ${level}`)).toEqual([
      'mesh unknown',
      'user unknown',
      'certificate unknown',
      'feed unknown',
      'clock unknown',
      'names unknown',
    ])
    expect(looked).toMatchObject({ isJoined: null, isUsable: false })
  })

  test('that is too old', async () => {
    const simulation = createSimulation()
    const old = new TextEncoder().encode('{"ztm":{"tag":"v1.0.3","commit":"x"}}')
    simulation.bot.agent.answer(() => ({ status: 200, headers: {}, body: old }), { when: ({ target }) => target === '/api/version' })

    expect(of('agent', await look(simulation))).toEqual([`agent problem: The ZTM agent at ${URL} has version v1.0.3.`])
  })

  test.each<[object, string]>([
    [{}, 'problem'],
    [{ permitSource: 'server', permitUrl: 'https://permit.example/permit' }, 'warning'],
  ])('that has not joined the mesh, with %j: a %s', async (permit, level) => {
    const looked = await look(createSimulation(), { meshName: 'work', ...permit })

    expect(of('mesh', looked)).toEqual([`mesh ${level}: The ZTM agent at ${URL} has not joined the mesh "work" (it has joined "home").`])
    expect(looked).toMatchObject({ isJoined: false, isUsable: false })
  })

  test('whose mesh is written in other letters', async () => {
    const looked = await look(createSimulation(), { meshName: 'Home' })

    expect(looked.findings[1]).toMatchObject({ level: 'problem', remedy: 'Set meshName to "home": names are compared letter for letter.' })
  })

  test('that has lost its hub', async () => {
    const simulation = createSimulation()
    simulation.mesh.hub.down()
    await simulation.clock.advance(MINUTE_MS)

    const looked = await look(simulation)

    expect(of('mesh', looked)).toEqual([expect.stringMatching(/^mesh problem: The mesh "home" is not connected to its hub/)])
    expect(looked).toMatchObject({ isJoined: true, isUsable: false })
  })

  test('that says it is connected, while the hub does not see it', async () => {
    const simulation = createSimulation()
    const none = new TextEncoder().encode('[]')
    simulation.bot.agent.answer(() => ({ status: 200, headers: {}, body: none }), {
      when: ({ target }) => target.includes('/endpoints?id='),
    })

    expect(of('mesh', await look(simulation))).toEqual([
      'mesh problem: The ZTM agent says that the mesh "home" is connected, and the hub does not see the agent.',
    ])
  })

  test('that is somebody else', async () => {
    const looked = await look(createSimulation(), { username: 'other-bot' })

    expect(of('user', looked)).toEqual(['user problem: The ZTM agent is "my-bot" on the mesh "home", but username is "other-bot".'])
  })

  test.each<[string, number, string]>([
    ['is good', 31, 'ok'],
    ['ends soon', 29, 'warning'],
    ['has ended', -1, 'problem'],
  ])('whose certificate %s', async (_, days, level) => {
    const simulation = createSimulation()
    const settings = settingsOf()
    const agent = simulation.agentOf(settings)
    onTestFinished(() => agent.close())
    const endsMs = simulation.clock.now() + days * 24 * 60 * MINUTE_MS
    const certified = { ...agent, mesh: async () => ({ ...(await agent.mesh())!, certificateExpiresAtMs: endsMs }) }

    const looking = lookAtAgent(certified, settings, simulation.clock, never)
    await simulation.clock.advance(MINUTE_MS)

    expect(of('certificate', await looking)).toEqual([
      expect.stringMatching(new RegExp(`^certificate ${level}: .* 202\\d-\\d\\d-\\d\\d\\.$`)),
    ])
  })

  test.each<[string, object, string]>([
    ['auto', {}, 'feed warning: The agent has no file index: chats are polled, and what its chat app loses is not found.'],
    ['push', { feed: 'push' }, 'feed problem: feed is "push", and the agent has no file index.'],
    ['poll', { feed: 'poll' }, 'feed ok: Chats are polled, as feed says: what the chat app loses is not found.'],
  ])('that has no file index, with feed %s', async (_, config, line) => {
    const simulation = createSimulation()
    simulation.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array() }), {
      when: ({ target }) => /\/files\?/.test(target),
    })

    expect(of('feed', await look(simulation, config))).toEqual([line])
  })

  test.each<[string, number, string]>([
    ['agrees', 50_000, 'clock ok: The clock of this machine agrees with that of the hub.'],
    ['agrees', -50_000, 'clock ok: The clock of this machine agrees with that of the hub.'],
    ['is ahead', 10 * MINUTE_MS, 'clock problem: The clock of this machine is at least 9 min ahead of that of the hub.'],
    ['is behind', -181 * MINUTE_MS, 'clock problem: The clock of this machine is at least 3 h behind that of the hub.'],
    ['is far behind', -50 * 60 * MINUTE_MS, 'clock problem: The clock of this machine is at least 2 days behind that of the hub.'],
  ])('while our clock %s (%i ms)', async (_, skewMs, line) => {
    // A heartbeat falls on the moment of the connection.
    expect(of('clock', await look(createSimulation(), {}, skewMs))).toEqual([line])
  })

  test('asks nothing that others notice: no message is posted, none is read, and nothing is joined', async () => {
    const simulation = createSimulation()
    simulation.mesh.user('alice')
    await simulation.mesh.user('alice').says('hi')
    await simulation.clock.advance(MINUTE_MS)
    const asked: string[] = []
    simulation.bot.agent.answer(({ method, target }) => {
      asked.push(`${method} ${target}`)
      return null
    })

    await look(simulation)
    const settings = settingsOf({ groupPermissions: { 'alice/team': {} } })
    const agent = simulation.agentOf(settings)
    onTestFinished(() => agent.close())
    const people = peopleOf(agent, settings, never)
    await simulation.clock.advance(MINUTE_MS)

    expect((await people).users).toEqual(new Set(['my-bot', 'alice']))
    expect(asked.length).toBeGreaterThan(8)
    expect(asked.filter(line => !line.startsWith('GET ') || line.includes('/messages'))).toEqual([])
  })
})
