import { AsyncLocalStorage } from 'node:async_hooks'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { ResponderRefused } from '../../src/domain/errors.ts'
import type { PluginRuntime } from '../../src/plugin/host.ts'
import { createResponder, isUrgent } from '../../src/plugin/inbound.ts'
import { exactSessionKey } from '../../src/plugin/sessions.ts'
import { createTranscripts } from '../../src/plugin/transcript.ts'
import { createTurns } from '../../src/plugin/turns.ts'
import type { DispatchRequest } from '../../src/ports/responder.ts'
import { START_MS, settingsOf } from './stand-ins.ts'
import { answer, question, takenUp } from './transcripts.ts'

type Inbound = PluginRuntime['channel']['inbound']
type Turn = Parameters<Inbound['run']>[0]
type SessionEntry = Omit<NonNullable<ReturnType<PluginRuntime['agent']['session']['getSessionEntry']>>, 'sessionId'> | undefined
type Plan = ReturnType<Turn['adapter']['resolveTurn']>

const direct: DispatchRequest = {
  account: 'default',
  chat: 'peer:Alice',
  messageId: 'm1',
  sender: 'Alice',
  timeMs: 7,
  text: 'hello',
  rawText: 'hello',
  group: null,
  mentioned: false,
  history: [],
  alternations: 0,
  files: [],
  tools: null,
  attempt: 1,
  losses: 0,
}
const inGroup: DispatchRequest = {
  ...direct,
  chat: 'group:carol/team',
  sender: 'bob',
  text: 'what time is it?',
  rawText: '@my-bot what time is it?',
  group: { creator: 'carol', group: 'team', name: null },
  mentioned: true,
}

async function* contentOf(name: string) {
  yield Buffer.from('half of ')
  if (name === 'broken.png') throw new Error('The agent went away.')
  yield Buffer.from(name)
}

const hostContext = new AsyncLocalStorage<string>()

/** A host that adopts every turn and runs `answers` through its delivery. */
function scene({
  answers = async (_: Plan['delivery']) => {},
  admission = 'dispatch',
  blocksCommand = false,
  authorized = true,
  config = {},
  hostConfig = {},
  begin = async (_: Turn['turnAdoptionLifecycle']) => {},
  dropped = null as string | null,
  session = (): SessionEntry => undefined,
  known = (): readonly string[] => [],
  transcript = [] as readonly object[],
  isReadable = true,
} = {}) {
  const asked: {
    ingress: object[]
    contexts: object[]
    plans: Plan[]
    delivered: object[]
    takenOver: object[]
    freed: object[]
    downloads: AbortSignal[]
    saved: object[]
    adopted: number
    waits: number
    context: string | undefined
  } = {
    ingress: [],
    contexts: [],
    plans: [],
    delivered: [],
    takenOver: [],
    freed: [],
    downloads: [],
    saved: [],
    adopted: 0,
    waits: 0,
    context: undefined,
  }
  const current = () => {
    const found = session()
    return found && { sessionId: 's1', ...found }
  }
  const host: PluginRuntime = {
    config: { current: () => hostConfig },
    state: { resolveStateDir: () => '/nowhere' },
    agent: {
      session: {
        getSessionEntry: current,
        async patchSessionEntry({ update }) {
          const patch = update(current() ?? { sessionId: 's1' })
          if (patch) asked.freed.push(patch)
          return null
        },
      },
    },
    channel: {
      routing: {
        resolveAgentRoute: ({ peer, dmScope }) => ({
          agentId: 'main',
          accountId: 'default',
          sessionKey: `agent:main:${peer.kind}:${peer.id.toLowerCase()}`,
          ...(dmScope && { dmScope }),
        }),
      },
      pairing: { upsertPairingRequest: async () => ({ code: '', created: false }), readAllowFromStore: async () => [] },
      commands: { isControlCommandMessage: text => text?.startsWith('/') ?? false, shouldHandleTextCommands: () => true },
      activity: { record: () => {} },
      inbound: {
        ingress: {
          resolveStable: async query => {
            asked.ingress.push(query)
            return {
              ingress: { admission, reasonCode: 'test' },
              commandAccess: { authorized, shouldBlockControlCommand: blocksCommand },
            }
          },
        },
        buildContext: facts => {
          asked.contexts.push(facts)
          return { SessionKey: facts.route.routeSessionKey }
        },
        async run(turn) {
          await begin(turn.turnAdoptionLifecycle)
          const plan = turn.adapter.resolveTurn()
          if (dropped !== null) return { dispatched: false, admission: { kind: 'drop', reason: dropped } }
          asked.plans.push(plan)
          await hostContext.run('host', () => turn.turnAdoptionLifecycle.onAdopted())
          await answers(plan.delivery)
          return { dispatched: true }
        },
      },
    },
  }
  const taken: string[] = []
  const clock = createVirtualClock(START_MS)
  const { log, lines } = createMemoryLog()
  const responder = createResponder({
    host,
    settings: settingsOf({ ...config, allowFrom: ['dave'], groupPermissions: { 'carol/team': { allowFrom: ['erin'] } } }),
    approved: async () => ['frank'],
    outbound: {
      deliver: async delivery => {
        asked.delivered.push(delivery)
        return [`${delivery.key}#0`]
      },
      takeOver: async answer => {
        asked.takenOver.push(answer)
        taken.push(`${answer.messageId}#0-0badc0de.${answer.id}#0`)
        return []
      },
    },
    async download({ name }, signal) {
      asked.downloads.push(signal)
      return name === 'gone.png' ? null : contentOf(name)
    },
    async saveMedia(chunks, { name, contentType }, bytesMax) {
      if (name === 'refused.png') throw new Error('There is no room.')
      asked.saved.push({ name, content: await text(chunks), bytesMax })
      return { path: `/media/${name}`, contentType }
    },
    known: () => [...known(), ...taken],
    turns: createTurns(),
    transcripts: createTranscripts(host.agent.session, async () => {
      if (!isReadable) throw new Error('The session cannot be read.')
      return transcript
    }),
    processStartMs: START_MS,
    clock,
    log,
  })
  const stop = new AbortController()
  const ask = (request: DispatchRequest) =>
    responder.respond(
      request,
      {
        adopted: async () => {
          asked.adopted += 1
          asked.context = hostContext.getStore()
        },
        waits() {
          asked.waits += 1
        },
      },
      stop.signal,
    )
  const reclaim = (...messageIds: readonly string[]) =>
    responder.reclaim!({ account: 'default', chat: 'peer:Alice', messageIds }, stop.signal)
  return { asked, ask, reclaim, lines, clock, stop: () => stop.abort(new Error('stopped')) }
}

describe('the host’s ingress', () => {
  test('is told what lets an accepted direct message in, and who may give commands', async () => {
    const { asked, ask } = scene()
    expect(await ask(direct)).toBeNull()
    expect(asked.ingress).toEqual([
      expect.objectContaining({
        dmPolicy: 'allowlist',
        allowFrom: ['Alice'],
        subject: { stableId: 'Alice' },
        conversation: expect.objectContaining({ kind: 'direct', id: 'Alice' }),
        command: { allowTextCommands: true, hasControlCommand: false, commandOwnerAllowFrom: ['dave', 'frank'] },
        event: { mayPair: false },
      }),
    ])
  })

  test('is told that everybody may give commands where direct messages are open', async () => {
    const { asked, ask } = scene({ config: { dmPolicy: 'open' } })
    await ask(direct)
    await ask(inGroup)
    expect(asked.ingress).toMatchObject([
      { command: { commandOwnerAllowFrom: ['dave', 'frank', '*'] } },
      { command: { commandOwnerAllowFrom: ['dave', 'frank'] } },
    ])
  })

  test('is told what lets an accepted group message in; commands are also for the creator and the group’s own list', async () => {
    const { asked, ask } = scene()
    await ask(inGroup)
    expect(asked.ingress).toEqual([
      expect.objectContaining({
        groupPolicy: 'open',
        groupAllowFrom: ['dave', 'frank', 'carol', 'erin'],
        policy: { groupAllowFromFallbackToAllowFrom: false, activation: { requireMention: false, allowTextCommands: true } },
      }),
    ])
  })

  test('may still refuse a command: then there is no turn and no answer', async () => {
    const { asked, ask, lines } = scene({ admission: 'drop', blocksCommand: true })
    expect(await ask({ ...inGroup, text: '/reset' })).toBeNull()
    expect([asked.plans.length, lines.map(({ phrase }) => phrase)]).toEqual([0, ['a command of somebody who may not give any']])
  })

  test('that refuses anything else contradicts us: the message is not tried again, and kept with the reason', async () => {
    const { asked, ask } = scene({ admission: 'drop' })
    await expect(ask(inGroup)).rejects.toThrow(new ResponderRefused("host_denied: OpenClaw's ingress says test."))
    expect(asked.plans).toEqual([])
  })
})

test('everybody’s direct messages have a session of their own, also when names differ in case only', async () => {
  const { asked, ask } = scene()
  await ask(direct)
  await ask({ ...direct, chat: 'peer:alice', sender: 'alice', messageId: 'm2' })
  const [upper, lower] = asked.plans.map(({ route }) => route)
  expect(lower).toEqual({ agentId: 'main', dmScope: 'per-account-channel-peer', sessionKey: 'agent:main:direct:alice' })
  expect(upper?.sessionKey).toMatch(/^agent:main:direct:alice\/[0-9a-f]{12}$/)
  expect(exactSessionKey('agent:main:main', { kind: 'direct', id: 'Alice' }, 'default')).toBe('agent:main:main')
})

test('accounts that meet in a group have a session each', () => {
  const team = { kind: 'group', id: 'carol/team' } as const
  expect(exactSessionKey('agent:main:ztm-chat:group:carol/team', team, 'default')).toBe('agent:main:ztm-chat:group:carol/team')
  expect(exactSessionKey('agent:main:ztm-chat:group:carol/team', team, 'work')).toBe('agent:main:ztm-chat:group:carol/team/@work')
})

test.each(['/stop', '/stop@my-bot', ' stop! ', '/approve 12ab allow-once', '/status', '/help'])('%s is about the turn that runs', text => {
  expect(isUrgent(text)).toBe(true)
})

test.each(['stop the music', '/new', '/reset', 'status?', 'do not wait for me', '/stopwatch'])('%s is not', text => {
  expect(isUrgent(text)).toBe(false)
})

test('the assistant sees the text without the mention, and the context names group, sender and where to answer', async () => {
  const { asked, ask } = scene()
  await ask(inGroup)
  expect(asked.contexts).toEqual([
    expect.objectContaining({
      messageId: 'm1',
      timestamp: 7,
      from: 'ztm-chat:group:carol/team',
      sender: { id: 'bob', name: 'bob' },
      conversation: { kind: 'group', id: 'carol/team', label: 'carol/team' },
      reply: { to: 'ztm-chat:group:carol/team', originatingTo: 'ztm-chat:group:carol/team' },
      message: {
        rawBody: '@my-bot what time is it?',
        commandBody: 'what time is it?',
        bodyForAgent: 'what time is it?',
        inboundEventKind: 'user_request',
      },
      extra: { GroupSubject: 'carol/team' },
    }),
  ])
})

test.each([
  ['/status', { kind: 'text-slash', body: '/status' }],
  ['hello', undefined],
])('the host is told what is a command, or it answers it only when the turn that runs is over: %s', async (text, command) => {
  const { asked, ask } = scene()
  await ask({ ...direct, text })
  expect((asked.contexts[0] as { command?: object }).command).toEqual(command)
})

test('a command of somebody who may not give any is none', async () => {
  const { asked, ask } = scene({ authorized: false })
  await ask({ ...inGroup, text: '/status' })
  expect(asked.contexts[0]).not.toHaveProperty('command')
})

describe('an answer', () => {
  test('about the turn that runs goes straight to the outbox: the host’s queue would keep it until that turn is over', async () => {
    const { asked, ask } = scene()
    await ask({ ...direct, text: '/status' })
    expect(asked.plans[0]!.delivery.durable({ text: 'busy' }, { kind: 'final' })).toBe(false)
  })

  test('that is final goes through the host’s queue, with the id of the message it answers', async () => {
    const { asked, ask } = scene()
    await ask(direct)
    const { durable } = asked.plans[0]!.delivery
    expect(durable({ text: 'hi' }, { kind: 'final' })).toEqual({
      to: 'Alice',
      replyToId: 'm1',
      requiredCapabilities: { text: true, reconcileUnknownSend: true },
    })
    expect(durable({ text: 'hi' }, { kind: 'block' })).toBe(false)
    expect(durable({ text: 'look', mediaUrl: '/tmp/x.png' }, { kind: 'final' })).toEqual({
      to: 'Alice',
      replyToId: 'm1',
      requiredCapabilities: { media: true, reconcileUnknownSend: true },
    })
    expect(durable({ text: ' ' }, { kind: 'final' })).toBe(false)
  })

  test('is not that there is none, while the gateway has the message in its queue', async () => {
    const notice = { text: "⚠️ OpenClaw couldn't produce or deliver a reply. Please try again. Reference: 7." }
    const outcomes: unknown[] = []
    const answers = async ({ deliver, durable }: Plan['delivery']) => {
      outcomes.push(durable(notice, { kind: 'final' }) !== false, await deliver(notice, { kind: 'final' }))
    }
    const queued = scene({
      answers,
      async begin(lifecycle) {
        lifecycle.onDeferred()
        void Promise.resolve().then(() => lifecycle.onSettled())
      },
    })
    await queued.ask(direct)
    const alone = scene({ answers })
    await alone.ask(direct)
    expect(outcomes).toEqual([false, { visibleReplySent: false }, true, { visibleReplySent: true, messageIds: ['m1#final0#0'] }])
    expect([queued.asked.delivered.length, alone.asked.delivered.length]).toEqual([0, 1])
    expect(queued.asked.plans[0]!.delivery.durable({ text: 'hi' }, { kind: 'final' })).toMatchObject({ to: 'Alice' })
    expect(queued.lines.at(-1)).toMatchObject({ level: 'info', phrase: expect.stringContaining('not sent') })
  })

  test('that is not goes to the outbox, under a key that the same turn gives it again', async () => {
    const answers = async (delivery: Plan['delivery']) => {
      await delivery.deliver({ text: 'one' }, { kind: 'block' })
      await delivery.deliver({ text: '' }, { kind: 'block' })
      await delivery.deliver({ text: 'three' }, { kind: 'block' })
    }
    const { asked, ask } = scene({ answers })
    await ask(direct)
    expect(asked.delivered).toEqual([
      { account: 'default', chat: 'peer:Alice', text: 'one', mediaUrls: [], key: 'm1#block0', once: true },
      { account: 'default', chat: 'peer:Alice', text: 'three', mediaUrls: [], key: 'm1#block2', once: true },
    ])
    expect(asked.adopted).toBe(1)
  })

  test('has a key of its own in each asking, and what a tool shows is none', async () => {
    const answers = async (delivery: Plan['delivery']) => {
      await delivery.deliver({ text: 'looking' }, { kind: 'tool' })
      await delivery.deliver({ text: 'found' }, { kind: 'block' })
    }
    const { asked, ask } = scene({ answers })
    await ask({ ...direct, losses: 0 })
    await ask({ ...direct, messageId: 'm2', losses: 2 })
    expect(asked.delivered).toMatchObject([{ key: 'm1/tool0' }, { key: 'm1#block0' }, { key: 'm2/2/tool0' }, { key: 'm2#2.block0' }])
  })
})

test('the adoption is recorded in our own async context, not in that of the host’s work', async () => {
  const { asked, ask } = scene()
  await ask(direct)
  expect([asked.adopted, asked.context]).toEqual([1, undefined])
})

describe('a gateway that is going down', () => {
  const draining = Object.assign(new Error('Gateway is draining'), { name: 'GatewayDrainingError' })

  test('is no failure of the message: it waits, and is answered when the gateway takes work again', async () => {
    let refusals = 5
    const begin = async () => {
      if (refusals-- > 0) throw new Error('channel dispatch failed', { cause: draining })
    }
    const { asked, ask, clock } = scene({ begin })
    const answered = ask(direct)
    await clock.advance(5_000)
    expect(await answered).toBeNull()
    expect(asked.adopted).toBe(1)
  })

  test('ends the wait with its stop', async () => {
    const { ask, clock, stop } = scene({ begin: () => Promise.reject(draining) })
    const answered = expect(ask(direct)).rejects.toThrow('stopped')
    await clock.advance(10_000)
    stop()
    await answered
  })
})

describe('a session whose turn was cut off by the end of an earlier process', () => {
  const cutOff: SessionEntry = { status: 'running', abortedLastRun: true }

  test.each([
    ['as the gateway has marked it', cutOff],
    ['as its beginning tells', { status: 'running', startedAt: START_MS - 1 }],
  ] satisfies [string, SessionEntry][])('is left alone until the gateway has ended that turn: %s', async (_, found) => {
    let entry: SessionEntry = found
    const { asked, ask, clock } = scene({ session: () => entry })
    const answered = ask(direct)
    await clock.advance(60_000)
    expect(asked.plans).toHaveLength(0)
    expect(asked.waits).toBeGreaterThan(0)
    entry = { status: 'running', abortedLastRun: false, startedAt: START_MS + 60_000 }
    await clock.advance(60_000)
    expect(asked.plans).toHaveLength(0)
    entry = { status: 'done', abortedLastRun: false }
    await clock.advance(1_000)
    expect(await answered).toBeNull()
    expect(asked.adopted).toBe(1)
  })

  test('is not waited for when its turn is one of this process', async () => {
    const { asked, ask } = scene({ session: () => ({ status: 'running', startedAt: START_MS }) })
    await ask(direct)
    expect(asked).toMatchObject({ adopted: 1, waits: 0 })
  })

  test('is not waited for by a command, which may be what frees it', async () => {
    const { asked, ask } = scene({ session: () => cutOff })
    await ask({ ...direct, text: '/new' })
    expect(asked.adopted).toBe(1)
  })

  test('is not waited for when the gateway has given the turn up', async () => {
    const { asked, ask } = scene({ session: () => ({ status: 'failed', abortedLastRun: false }) })
    await ask(direct)
    expect(asked.adopted).toBe(1)
  })

  test('is waited for until the stop', async () => {
    const { ask, clock, stop } = scene({ session: () => cutOff })
    const answered = expect(ask(direct)).rejects.toThrow('stopped')
    await clock.advance(10_000)
    stop()
    await answered
  })
})

describe('a session with an answer that an earlier process has not delivered', () => {
  const owed = (createdAt: number): SessionEntry => ({ status: 'done', pendingFinalDelivery: { createdAt } })

  test('is left alone until the gateway has delivered it: it would take the next turn for answered', async () => {
    let entry = owed(START_MS - 1)
    const { asked, ask, clock } = scene({ session: () => entry })
    const answered = ask(direct)
    await clock.advance(60_000)
    expect(asked.plans).toHaveLength(0)
    entry = { status: 'done' }
    await clock.advance(1_000)
    expect(await answered).toBeNull()
    expect(asked.adopted).toBe(1)
  })

  test('is not waited for longer than two minutes', async () => {
    const { asked, ask, clock } = scene({ session: () => owed(START_MS - 1) })
    const answered = ask(direct)
    await clock.advance(119_000)
    expect(asked.plans).toHaveLength(0)
    await clock.advance(1_000)
    expect(await answered).toBeNull()
    expect(asked.adopted).toBe(1)
  })

  test('is not waited for when it was delivered, which the gateway has not noted', async () => {
    const deliveries = [{ id: 'b7e1', state: 'delivered' }]
    const { asked, ask } = scene({ session: () => ({ status: 'done', pendingFinalDelivery: { createdAt: START_MS - 1, deliveries } }) })
    await ask(direct)
    expect(asked).toMatchObject({ adopted: 1, waits: 0 })
  })

  test('is not waited for when the answer is one of this process', async () => {
    const { asked, ask } = scene({ session: () => owed(START_MS) })
    await ask(direct)
    expect(asked).toMatchObject({ adopted: 1, waits: 0 })
  })
})

describe('what an earlier process had in hand', () => {
  test('was lost when the gateway has no turn of it, and nobody has its answer', async () => {
    expect(await scene().reclaim('m1')).toEqual(['m1'])
  })

  test.each([
    ['through the gateway’s queue', 'm1#0-0badc0de.b7e1#0'],
    ['past it', 'm1#final0#0'],
    ['in blocks', 'm1#block3#0'],
  ])('was answered when its answer is known: %s', async (_, key) => {
    expect(await scene({ known: () => ['x#0-1.2#0', key] }).reclaim('m1')).toEqual([])
  })

  test('is not answered by what its tools have shown', async () => {
    expect(await scene({ known: () => ['m1/tool0#0'] }).reclaim('m1')).toEqual(['m1'])
  })

  test('was answered when one after it was: turns of a session follow each other', async () => {
    const { reclaim } = scene({
      session: () => ({ status: 'done' }),
      known: () => ['m2#0-0badc0de.b7e1#0'],
      transcript: [question('m2'), answer('r1')],
    })
    expect(await reclaim('m1', 'm2', 'm3')).toEqual(['m3'])
  })

  test('is not answered by a command after it, which waits for no turn', async () => {
    const { reclaim } = scene({
      session: () => ({ status: 'failed' }),
      known: () => ['m2#0-0badc0de.b7e1#0'],
      transcript: [question('m1')],
    })
    expect(await reclaim('m1', 'm2')).toEqual(['m1'])
  })

  test('was lost when its answer was made and never came here', async () => {
    const transcript = [question('m1'), answer('r1')]
    expect(await scene({ session: () => ({ status: 'done', startedAt: START_MS - 2 }), transcript }).reclaim('m1')).toEqual(['m1'])
  })

  test('was answered with the turn that took it in, though the answer has that one’s name alone', async () => {
    const { reclaim } = scene({
      session: () => ({ status: 'done', startedAt: START_MS - 2 }),
      known: () => ['m1#0-0badc0de.b7e1#0'],
      transcript: [question('m1'), answer('r1', { stopReason: 'toolUse' }), question('m2'), answer('r1'), question('m3')],
    })
    expect(await reclaim('m1', 'm2', 'm3')).toEqual(['m3'])
  })

  test('and had not come to the assistant yet is lost, also when the gateway has taken up and ended what was under way', async () => {
    let entry: SessionEntry = { status: 'running', abortedLastRun: true }
    const { reclaim, clock } = scene({ session: () => entry, transcript: [question('m1'), takenUp, answer('r2', { atMs: START_MS + 1 })] })
    const told = reclaim('m1', 'm2')
    await clock.advance(10_000)
    entry = { status: 'done', startedAt: START_MS + 1 }
    await clock.advance(1_000)
    expect(await told).toEqual(['m2'])
  })

  test.each<[string, readonly object[]]>([
    ['its own has come to no answer', [question('m1')]],
    ['the answer to its own has come to nobody', [question('m1'), answer('r1')]],
  ])('is lost when another turn has run in its session since, and %s', async (_, transcript) => {
    const { reclaim } = scene({ session: () => ({ status: 'done', startedAt: START_MS + 1 }), transcript })
    expect(await reclaim('m1')).toEqual(['m1'])
  })

  test('is lost when the answer to its own turn has come to nobody, though one after it was answered', async () => {
    const { reclaim } = scene({
      session: () => ({ status: 'done', startedAt: START_MS + 1 }),
      known: () => ['m2#0-0badc0de.b7e1#0'],
      transcript: [question('m1'), answer('r1'), question('m2'), takenUp, answer('r2', { atMs: START_MS + 1 })],
    })
    expect(await reclaim('m1', 'm2')).toEqual(['m1'])
  })

  test('is waited for no longer than an hour when the gateway says neither that it was cut off nor that it is over', async () => {
    const { asked, reclaim, clock } = scene({
      session: () => ({ status: 'running', startedAt: START_MS - 1 }),
      transcript: [question('m1')],
    })
    const told = reclaim('m1')
    await clock.advance(60 * 60_000)
    expect(await told).toEqual(['m1'])
    expect(asked.freed).toEqual([])
  })

  test('does not wait for a turn that waits itself, for somebody whom it has sent out', async () => {
    const waits: SessionEntry = { status: 'running', startedAt: START_MS - 2, endedAt: START_MS - 1 }
    const { asked, ask, reclaim } = scene({ session: () => waits, transcript: [question('m1'), answer('r1')] })
    expect(await reclaim('m1')).toEqual(['m1'])
    await ask(direct)
    expect(asked.adopted).toBe(1)
  })

  test('needs no look at its session when all of it is known by then', async () => {
    const keys: string[] = []
    let entry: SessionEntry = { status: 'running', abortedLastRun: true }
    const { reclaim, clock } = scene({
      session: () => entry,
      known: () => keys,
      isReadable: false,
    })
    const told = reclaim('m1')
    await clock.advance(10_000)
    keys.push('m1#0-0badc0de.b7e1#0')
    entry = { status: 'done' }
    await clock.advance(1_000)
    expect(await told).toEqual([])
  })

  test.each<[string, SessionEntry]>([
    ['its turn is taken up again', { status: 'running', startedAt: START_MS - 1 }],
    ['its answer is delivered', { status: 'done', pendingFinalDelivery: { createdAt: START_MS - 1 } }],
  ])('is not told before the gateway is through with it: %s', async (_, found) => {
    let entry: SessionEntry = found
    const keys: string[] = []
    const { reclaim, clock } = scene({ session: () => entry, known: () => keys })
    let lost: readonly string[] | null = null
    const told = reclaim('m1').then(ids => {
      lost = ids
    })
    await clock.advance(60_000)
    expect(lost).toBeNull()
    keys.push('m1#0-0badc0de.b7e1#0')
    entry = { status: 'done' }
    await clock.advance(1_000)
    await told
    expect(lost).toEqual([])
  })

  test.each<[string, SessionEntry]>([
    ['before our first look', { status: 'done', startedAt: START_MS + 1 }],
    ['after it', { status: 'running', abortedLastRun: true }],
  ])('was answered when the gateway has run it to its end, whatever its answer is called: %s', async (_, found) => {
    let entry: SessionEntry = found
    const { reclaim, clock } = scene({ session: () => entry, transcript: [question('m1'), takenUp, answer('r2', { atMs: START_MS + 1 })] })
    const told = reclaim('m1')
    await clock.advance(10_000)
    entry = { status: 'done', startedAt: START_MS + 1 }
    await clock.advance(1_000)
    expect(await told).toEqual([])
  })

  test('is waited for when the gateway has taken it up before our first look', async () => {
    let entry: SessionEntry = { status: 'running', startedAt: START_MS + 1 }
    const { reclaim, clock } = scene({ session: () => entry, transcript: [question('m1'), takenUp, answer('r2', { atMs: START_MS + 1 })] })
    const told = reclaim('m1')
    await clock.advance(20 * 60_000)
    entry = { status: 'done', startedAt: START_MS + 1 }
    await clock.advance(1_000)
    expect(await told).toEqual([])
  })

  test('is lost, and its session free, when the gateway does not take it up for three minutes', async () => {
    const { asked, reclaim, clock } = scene({ session: () => ({ status: 'running', abortedLastRun: true }) })
    const told = reclaim('m1')
    await clock.advance(179_000)
    expect(asked.freed).toEqual([])
    await clock.advance(1_000)
    expect(await told).toEqual(['m1'])
    expect(asked.freed).toMatchObject([{ status: 'failed', abortedLastRun: false }])
  })

  test.each<[string, object]>([
    ['', {}],
    [
      ', and an earlier answer is still owed',
      { pendingFinalDelivery: { createdAt: START_MS - 1, deliveries: [{ id: 'b7e1', state: 'prepared' }] } },
    ],
  ])('is waited for however long the gateway works on it, once it has taken it up%s', async (_, more) => {
    // When that was the gateway does not note.
    let entry: SessionEntry = { status: 'running', abortedLastRun: false, startedAt: START_MS - 1, ...more }
    const { asked, reclaim, clock } = scene({
      session: () => entry,
      transcript: [question('m1'), takenUp, answer('r2', { atMs: START_MS + 1 })],
    })
    const told = reclaim('m1')
    await clock.advance(59 * 60_000)
    expect([asked.freed, asked.takenOver]).toEqual([[], []])
    entry = { status: 'done', startedAt: START_MS - 1 }
    await clock.advance(1_000)
    expect(await told).toEqual([])
  })

  test('was lost when the gateway has given it up', async () => {
    let entry: SessionEntry = { status: 'running', abortedLastRun: true }
    const { reclaim, clock } = scene({ session: () => entry })
    const told = reclaim('m1')
    await clock.advance(10_000)
    entry = { status: 'failed', abortedLastRun: true }
    await clock.advance(1_000)
    expect(await told).toEqual(['m1'])
  })

  test('is waited for no longer when the answer comes, whatever the session looks like', async () => {
    const keys: string[] = []
    const { reclaim, clock } = scene({ session: () => ({ status: 'running', abortedLastRun: true }), known: () => keys })
    const told = reclaim('m1')
    await clock.advance(10_000)
    keys.push('m1#0-0badc0de.b7e1#0')
    await clock.advance(1_000)
    expect(await told).toEqual([])
  })

  test.each<[string, NonNullable<SessionEntry>]>([
    ['of a turn that is over', { status: 'done', startedAt: START_MS - 2 }],
    ['of a turn that was cut off', { status: 'running', abortedLastRun: true }],
  ])('is delivered for the gateway when that does not deliver it: the answer %s', async (_, entry) => {
    const deliveries = [{ id: 'b7e1', state: 'prepared' }]
    const { asked, reclaim, clock } = scene({
      session: () => ({ ...entry, pendingFinalDelivery: { createdAt: START_MS - 1, text: 'hello', deliveries } }),
      transcript: [question('m1'), answer('r1')],
    })
    const told = reclaim('m1', 'm2')
    await clock.advance(119_000)
    expect(asked.takenOver).toEqual([])
    await clock.advance(1_000)
    expect(await told).toEqual(['m2'])
    expect(asked.takenOver).toEqual([{ account: 'default', chat: 'peer:Alice', messageId: 'm1', id: 'b7e1', text: 'hello' }])
    expect(asked.freed).toEqual(
      entry.status === 'running'
        ? [
            {
              status: 'failed',
              abortedLastRun: false,
              endedAt: expect.any(Number),
              pendingFinalDelivery: undefined,
              lifecycleRevision: expect.any(String),
            },
          ]
        : [{ pendingFinalDelivery: undefined }],
    )
  })

  test('keeps nobody out for ever: a turn that the gateway has left for good is ended when its chat goes on', async () => {
    const deliveries = [{ id: 'b7e1', state: 'prepared' }]
    const { asked, ask, clock } = scene({
      session: () => ({ status: 'running', abortedLastRun: true, pendingFinalDelivery: { createdAt: START_MS - 1, deliveries } }),
    })
    const answered = ask(direct)
    await clock.advance(119_000)
    expect(asked.freed).toEqual([])
    await clock.advance(1_000)
    await answered
    expect([asked.freed.length, asked.adopted]).toEqual([1, 1])
  })

  test('is asked again when the gateway has an answer of several parts and does not deliver it', async () => {
    const deliveries = ['b7e1', 'b7e2'].map(id => ({ id, state: 'prepared' }))
    const { asked, reclaim, clock } = scene({
      session: () => ({ status: 'done', pendingFinalDelivery: { createdAt: START_MS - 1, text: 'hello', deliveries } }),
    })
    const told = reclaim('m1')
    await clock.advance(120_000)
    expect([await told, asked.takenOver]).toEqual([['m1'], []])
  })

  test('is waited for until the stop', async () => {
    const { reclaim, clock, stop } = scene({ session: () => ({ status: 'running', abortedLastRun: true }) })
    const told = expect(reclaim('m1')).rejects.toThrow('stopped')
    await clock.advance(10_000)
    stop()
    await told
  })

  test('and lost is asked under another id: the gateway would drop the same one as a duplicate', async () => {
    const { asked, ask } = scene()
    await ask({ ...direct, losses: 2 })
    expect(asked.contexts).toMatchObject([{ messageId: 'm1/2' }])
    expect(asked.ingress).toMatchObject([{ contextBinding: { messageId: 'm1/2' } }])
    expect(asked.plans[0]!.delivery.durable({ text: 'hi' }, { kind: 'final' })).toMatchObject({ replyToId: 'm1' })
  })
})

test('what this process has answered is not lost, whether an answer was given or not', async () => {
  const { ask, reclaim } = scene()
  await ask(direct)
  expect(await reclaim('m1')).toEqual([])
})

test('any other failure is a failed attempt', async () => {
  await expect(scene({ begin: () => Promise.reject(new Error('no session')) }).ask(direct)).rejects.toThrow('no session')
})

test('files of a message reach the assistant as the host keeps them; what cannot be had is said in the text', async () => {
  const { asked, ask, lines } = scene({ config: { mediaMaxMb: 2 } })
  const file = (name: string, contentType = 'image/png') => ({
    owner: 'Alice',
    hash: 'ab'.repeat(32),
    name,
    contentType,
    size: 3,
    url: 'http://agent/file',
  })
  const files = [file('cat.png'), file('gone.png'), file('broken.png'), file('refused.png'), file('a.pdf', 'application/pdf')]
  await ask({ ...direct, files })
  expect(asked.contexts).toEqual([
    expect.objectContaining({
      message: expect.objectContaining({
        rawBody: 'hello',
        bodyForAgent: ['hello', ...['gone', 'broken', 'refused'].map(name => `[attachment "${name}.png" could not be loaded]`)].join('\n'),
      }),
      media: [
        { path: '/media/cat.png', contentType: 'image/png', kind: 'image', messageId: 'm1' },
        { path: '/media/a.pdf', contentType: 'application/pdf', kind: 'document', messageId: 'm1' },
      ],
    }),
  ])
  const bytesMax = 2 * 1_048_576
  expect(asked.saved).toEqual(['cat.png', 'a.pdf'].map(name => ({ name, content: `half of ${name}`, bytesMax })))
  expect(lines.flatMap(({ fields }) => fields['file'] ?? [])).toEqual(['gone.png', 'broken.png', 'refused.png'])
  // Whatever the host has left of one, nobody waits for it.
  expect(asked.downloads.map(({ aborted }) => aborted)).toEqual(files.map(() => true))
})

test('what OpenClaw drops is kept with its reason, and not taken for answered', async () => {
  const { ask } = scene({ dropped: 'bot-loop-protection' })
  const outcome = await ask({ ...direct, alternations: 3 }).catch((error: unknown) => error)
  expect(outcome).toBeInstanceOf(ResponderRefused)
  expect(outcome).toMatchObject({ message: 'host_denied: OpenClaw has dropped the message: bot-loop-protection.' })
})

test('the host’s protection against loops of bots hears of senders that answer as fast as one, and of nobody else', async () => {
  const { asked, ask } = scene({ hostConfig: { channels: { defaults: { botLoopProtection: { maxEventsPerWindow: 50 } } } } })
  await ask(direct)
  await ask({ ...inGroup, alternations: 3 })
  expect(asked.plans.map(({ botLoopProtection }) => botLoopProtection)).toEqual([
    undefined,
    {
      scopeId: 'default',
      conversationId: 'group:carol/team',
      senderId: 'bob',
      receiverId: 'my-bot',
      eventId: inGroup.messageId,
      defaultEnabled: true,
      defaultsConfig: { maxEventsPerWindow: 50 },
    },
  ])
})

test.each([
  ['what people see it called, beside its own name', 'The Team', 'carol/team (The Team)'],
  ['its own name, where nobody knows more', null, 'carol/team'],
])('of a group the assistant is told %s', async (_, name, label) => {
  const { asked, ask } = scene()
  await ask({ ...inGroup, group: { creator: 'carol', group: 'team', name } })
  expect(asked.contexts).toMatchObject([
    { conversation: { kind: 'group', id: 'carol/team', label }, extra: { GroupSubject: label }, from: 'ztm-chat:group:carol/team' },
  ])
})

test('in a group the assistant is told how people address it', async () => {
  const { asked, ask } = scene()
  await ask(inGroup)
  expect(asked.contexts).toMatchObject([
    {
      supplemental: { groupSystemPrompt: expect.stringContaining('@my-bot') },
      access: { mentions: { canDetectMention: true, wasMentioned: true, explicitlyMentionedBot: true } },
    },
  ])
})

describe('what was said in the group before', () => {
  const history = [
    { sender: 'carol', timeMs: 5, text: 'the red one is broken' },
    { sender: 'erin', timeMs: 6, text: 'then take the blue one' },
  ]
  const shown = (contexts: readonly object[]) =>
    (contexts as { message: { inboundHistory?: object[] }; sessionTranscript?: object }[]).map(({ message, sessionTranscript }) => ({
      ...(message.inboundHistory && { inboundHistory: message.inboundHistory }),
      ...(sessionTranscript && { sessionTranscript }),
    }))
  const both = [
    { sender: 'carol', timestamp: 5, body: 'the red one is broken' },
    { sender: 'erin', timestamp: 6, body: 'then take the blue one' },
  ]

  test('is given to the host as history, which it shows whole; the message stays as it was', async () => {
    const { asked, ask } = scene()
    await ask({ ...inGroup, history })
    expect(shown(asked.contexts)).toEqual([{ inboundHistory: both, sessionTranscript: { historyLimit: 2, historyKind: 'recent' } }])
    expect(asked.contexts).toMatchObject([{ message: { bodyForAgent: 'what time is it?', commandBody: 'what time is it?' } }])
  })

  test.each([
    ['counts where the account has none of its own', {}, 1, both.slice(1)],
    ['of 0 means none', {}, 0, []],
    ['counts not where the account has one', { historyLimit: 2 }, 1, both],
    ['that is no number counts not', {}, 'many', both],
  ])('the gateway’s own limit %s', async (_, config, historyLimit, inboundHistory) => {
    const { asked, ask } = scene({ config, hostConfig: { messages: { groupChat: { historyLimit } } } })
    await ask({ ...inGroup, history })
    const sessionTranscript = { historyLimit: inboundHistory.length, historyKind: 'recent' }
    expect(shown(asked.contexts)).toEqual([inboundHistory.length > 0 ? { inboundHistory, sessionTranscript } : {}])
  })

  test('is not given with a command', async () => {
    const { asked, ask } = scene()
    await ask({ ...inGroup, text: '/new', history })
    expect(shown(asked.contexts)).toEqual([{}])
  })
})
