/** What was said in a group without a mention comes with the next message that has one. */
import { describe, expect, test } from 'vitest'
import type { Inbound } from '../../machines/records.ts'
import type { Facts, GroupFacts } from '../../src/domain/decision.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { decide } from '../../src/domain/policy.ts'
import type { DispatchRequest, Responder, Turn } from '../../src/ports/responder.ts'
import { createPendingHistory } from '../../src/runtime/pending-history.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'
import { settingsOf } from '../plugin/stand-ins.ts'

const TEAM = 'group:alice/team'
const groups = { enableGroups: true, groupPermissions: { 'alice/team': { allowFrom: ['bob'] } } }
const saidIn = ({ history }: DispatchRequest) => history.map(({ sender, text }) => `${sender}: ${text}`)

type Asked = { readonly text: string; readonly history: readonly string[] }
type Answering = (request: DispatchRequest, turn: Turn) => Promise<string | null>

/** A group of alice, who made it, bob, who may write in it, and carol, who may not. */
async function team({ config = {}, answering = async () => 'yes' }: { config?: object; answering?: Answering } = {}) {
  const asked: Asked[] = []
  const responder: Responder = {
    isUrgent: text => text === '/status' || text === 'stop',
    respond(request, turn) {
      asked.push({ text: request.text, history: saidIn(request) })
      return answering(request, turn)
    },
  }
  const world = createWorld({ responder, config: { ...groups, ...config } })
  for (const user of ['alice', 'bob', 'carol']) world.mesh.user(user)
  await world.start()
  await world.settle(5_000)
  await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', 'carol', 'my-bot'] })
  await world.settle(10_000)
  const says = async (user: string, text: string, chat: ChatId = TEAM) => {
    await world.mesh.user(user).says(text, chat)
    await world.settle()
  }
  return { world, asked, says }
}

const reasons = (world: World) => world.events.flatMap(event => (event.event === 'decision' ? [`${event.sender}: ${event.reason}`] : []))

test('a mention comes with what was said before it, and the next one with what was said since', async () => {
  const { world, asked, says } = await team()
  await says('alice', 'the red one is broken')
  await says('bob', 'then take the blue one')
  await says('bob', '@my-bot which one?')
  await says('alice', 'thanks')
  await says('alice', '@my-bot and now?')
  await says('bob', '@my-bot anything else?')

  expect(asked).toEqual([
    { text: 'which one?', history: ['alice: the red one is broken', 'bob: then take the blue one'] },
    { text: 'and now?', history: ['alice: thanks'] },
    { text: 'anything else?', history: [] },
  ])
  await world.stop()
})

test('it is told who said it, and when by their clock', async () => {
  const requests: DispatchRequest[] = []
  const { world, says } = await team({
    async answering(request) {
      requests.push(request)
      return 'yes'
    },
  })
  const beforeMs = world.clock.now()
  await says('bob', 'lunch?')
  const afterMs = world.clock.now()
  await says('bob', '@my-bot where?')

  const [said, ...others] = requests[0]?.history ?? []
  expect([said, others]).toEqual([{ sender: 'bob', text: 'lunch?', timeMs: expect.any(Number) }, []])
  expect(said?.timeMs).toBeGreaterThanOrEqual(beforeMs)
  expect(said?.timeMs).toBeLessThanOrEqual(afterMs)
  await world.stop()
})

test('what somebody says who may not speak to the bot is not in it, nor what is said elsewhere', async () => {
  const { world, asked, says } = await team()
  await world.mesh.user('alice').creates('other', { name: 'Other', members: ['alice', 'my-bot'] })
  await world.settle()
  await says('carol', 'obey me')
  await says('carol', '@my-bot obey me')
  await says('alice', 'of another group', 'group:alice/other')
  await says('bob', 'of a direct message', 'peer:my-bot')
  await world.mesh.user('alice').creates('team', { members: ['alice', 'my-bot'] })
  await world.settle(120_000)
  await says('bob', 'I was turned out')
  await says('alice', '@my-bot hello?')

  expect(reasons(world)).toEqual([
    'carol: whitelisted',
    'carol: whitelisted',
    'alice: mention_required',
    'bob: allowed',
    'bob: not_a_member',
    'alice: creator',
  ])
  expect(asked.at(-1)).toEqual({ text: 'hello?', history: [] })
  await world.stop()
})

test('what is said while a mention waits for its turn comes with the next one', async () => {
  const first = Promise.withResolvers<string>()
  const { world, asked, says } = await team({ answering: async ({ text }) => (text === 'one' ? first.promise : 'yes') })
  await says('alice', '@my-bot one')
  await says('alice', 'before two')
  await says('alice', '@my-bot two')
  await says('bob', 'before three')
  await says('bob', '@my-bot three')
  first.resolve('yes')
  await world.settle(60_000)

  expect(asked).toEqual([
    { text: 'one', history: [] },
    { text: 'two', history: ['alice: before two'] },
    { text: 'three', history: ['bob: before three'] },
  ])
  await world.stop()
})

test('an adoption takes it over', async () => {
  const { world, asked, says } = await team({
    async answering(_, turn) {
      await turn.adopted()
      return null
    },
  })
  await says('bob', 'before')
  await says('bob', '@my-bot one')
  await says('bob', '@my-bot two')
  expect(asked.map(({ history }) => history)).toEqual([['bob: before'], []])
  await world.stop()
})

test('an attempt that fails leaves it for the next one, and a dead letter leaves it for the next question', async () => {
  const { world, asked, says } = await team({
    async answering({ text }) {
      if (text === 'one') throw new Error('not today')
      return 'yes'
    },
  })
  await says('bob', 'before')
  await says('bob', '@my-bot one')
  await world.settle(120_000)
  await says('bob', '@my-bot two')

  expect(asked).toEqual(['one', 'one', 'one', 'two'].map(text => ({ text, history: ['bob: before'] })))
  await world.stop()
})

test.each(['/status', '/model x', 'stop'])('%s, which asks nothing, neither has it nor takes it', async command => {
  const { world, asked, says } = await team()
  await says('bob', 'before')
  await says('bob', `@my-bot ${command}`)
  await says('bob', '@my-bot one')
  expect(asked).toEqual([
    { text: command, history: [] },
    { text: 'one', history: ['bob: before'] },
  ])
  await world.stop()
})

test('a restart begins anew: what is not for the bot is not written down', async () => {
  const { world, asked, says } = await team()
  await says('bob', 'a secret of the team')
  await world.crash()
  await world.start()
  await world.settle()
  await says('bob', '@my-bot one')

  expect(asked).toEqual([{ text: 'one', history: [] }])
  const disk = world.disk()
  const stored = await Promise.all(disk.files().map(path => disk.read(path)))
  expect(stored.map(bytes => new TextDecoder().decode(bytes ?? undefined)).join()).not.toContain('a secret of the team')
  await world.stop()
})

test.each([
  [0, []],
  [2, ['bob: 2', 'bob: 3']],
])('with historyLimit %i the newest of them come', async (historyLimit, history) => {
  const { world, asked, says } = await team({ config: { historyLimit } })
  for (const text of ['1', '2', '3']) await says('bob', text)
  await says('bob', '@my-bot well?')
  expect(asked).toEqual([{ text: 'well?', history }])
  await world.stop()
})

describe('the memory of it', () => {
  const bob: GroupFacts = {
    kind: 'group',
    sender: 'bob',
    enabled: true,
    isCreator: false,
    membership: 'member',
    policy: 'open',
    listed: false,
    requireMention: true,
    mentioned: false,
  }

  function memory(config: object = {}) {
    const history = createPendingHistory(settingsOf(config))
    let n = 0
    const decided = (chat: ChatId, message: Inbound, facts: Facts) => {
      const decision = decide(facts)
      history.apply(
        chat,
        decision.action === 'process'
          ? { type: 'message.accepted', message, facts, decision, liveAtMs: 0 }
          : { type: 'message.ignored', message, facts, decision, liveAtMs: 0 },
      )
    }
    const message = (text: string): Inbound => ({ id: `m${++n}`, sender: 'bob', timeMs: n, text, files: [] })
    return {
      history,
      message,
      decided,
      hears(text: string, { chat = TEAM as ChatId, ...more }: Partial<Facts> & { chat?: ChatId } = {}) {
        const heard = message(text)
        history.hear(chat, heard)
        decided(chat, heard, { gate: null, looping: false, conversation: bob, ...more })
      },
      /** What comes with a mention now; it is answered. */
      asks(chat: ChatId = TEAM) {
        const asked = message('@my-bot?')
        history.hear(chat, asked)
        decided(chat, asked, { gate: null, looping: false, conversation: { ...bob, mentioned: true } })
        const texts = history.before(chat, asked.id).map(({ text }) => text)
        history.apply(chat, { type: 'turn.answered', id: asked.id })
        return texts
      },
    }
  }

  test('is 50 messages of a group, as in OpenClaw', () => {
    const { hears, asks } = memory()
    for (let n = 1; n <= 60; n++) hears(`${n}`)
    expect(asks()).toEqual(Array.from({ length: 50 }, (_, index) => `${index + 11}`))
  })

  test('is so many characters of a group, names included: the oldest go', () => {
    const { hears, asks } = memory({ limits: { unmentionedCharacters: 20 } })
    for (const text of ['1234567', '1234567', '123456']) hears(text)
    expect(asks()).toEqual(['1234567', '123456'])
    hears('1'.repeat(18))
    expect(asks()).toEqual([])
  })

  test('has no more of a long text than its beginning', () => {
    const { hears, asks } = memory()
    hears('x'.repeat(2_010))
    expect(asks()).toEqual([`${'x'.repeat(2_000)}… [cut: 10 more characters]`])
  })

  test('is of 1,000 groups: that which was silent for longest is forgotten first', () => {
    const { hears, asks } = memory()
    const chat = (n: number): ChatId => `group:alice/${n}`
    for (let n = 0; n < 1_000; n++) hears('first', { chat: chat(n) })
    hears('second', { chat: chat(0) })
    hears('first', { chat: chat(1_000) })
    expect([asks(chat(0)), asks(chat(1)), asks(chat(2)), asks(chat(1_000))]).toEqual([['first', 'second'], [], ['first'], ['first']])
  })

  test('has nothing that a gate or the loop guard would have kept out, and nothing without a text', () => {
    const { hears, asks } = memory()
    for (const gate of ['too_old', 'future_dated', 'history', 'unsupported_content'] as const) hears('gated', { gate })
    hears('of another bot', { looping: true })
    hears(' \n')
    expect(asks()).toEqual([])
  })

  test('has nothing that was not decided about', () => {
    const { history, message, decided, asks } = memory()
    const lost = message('lost')
    history.hear(TEAM, lost)
    expect(asks()).toEqual([])
    history.forget(lost.id)
    decided(TEAM, lost, { gate: null, looping: false, conversation: bob })
    expect(asks()).toEqual([])
  })
})
