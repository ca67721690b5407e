import { describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/store/store.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import type { Life } from '../../src/runtime/life.ts'
import { replayFrom } from '../../src/runtime/replay.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const ofChat = async (world: World, user: string): Promise<readonly Life[]> => world.account.explain({ chat: `peer:${user}`, last: 100 })
const whatHappened = (life: Life | undefined) => life?.moments.map(({ what }) => what)

describe('the life of a message', () => {
  test('goes from the decision to the reply that was seen on the mesh, with times that never go back', async () => {
    const world = createWorld()
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle()

    const [life] = await ofChat(world, 'alice')
    expect(life).toMatchObject({ chat: 'peer:alice', sender: 'alice', text: 'hello', decision: { action: 'process', reason: 'allowed' } })
    expect(life?.explanation?.sentence).toBe('It was passed on to the assistant, because everybody may write to this bot directly.')
    expect(whatHappened(life)).toEqual(['accepted', 'answered', 'reply queued', 'reply posted', 'reply confirmed'])
    const times = life?.moments.map(({ atMs }) => atMs) ?? []
    expect(times).toEqual([...times].sort((one, other) => one - other))
    await world.stop()
  })

  test('tells each failed attempt and its reason, the dead letter, and what was done by hand', async () => {
    let broken = true
    const responder = {
      respond: async () => {
        if (broken) throw new Error('out of order')
        return 'here I am'
      },
    }
    const world = createWorld({ responder, config: { limits: { dispatchAttempts: 2 } } })
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle(60_000)
    broken = false
    const [letter] = world.account.deadLetters()
    await world.account.retryDeadLetter(letter?.id ?? '')
    await world.settle()

    const [life] = await ofChat(world, 'alice')
    expect(life?.moments.map(({ what, detail }) => (detail ? `${what}: ${detail}` : what)).slice(0, 4)).toEqual([
      'accepted',
      'failed: attempt 1: out of order',
      'dead letter: out of order',
      'tried again by hand',
    ])
    expect(whatHappened(life)?.at(-1)).toBe('reply confirmed')
    await world.stop()
  })

  test('of a stranger tells of the approval', async () => {
    const world = createWorld({ config: { dmPolicy: 'pairing' } })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    expect(whatHappened((await ofChat(world, 'alice'))[0])).toEqual(['held'])
    await world.account.approve(world.account.pairings()[0]?.code ?? '')
    await world.settle()

    const [life] = await ofChat(world, 'alice')
    expect(whatHappened(life)?.slice(0, 3)).toEqual(['held', 'released', 'answered'])
    expect(life).toMatchObject({
      decision: { action: 'process', reason: 'whitelisted', detail: 'approved by pairing' },
      explanation: {
        sentence: 'It was kept back, and then passed on to the assistant, because the bot’s owner approved “alice”.',
        otherwise: [],
      },
    })
    await world.stop()
  })

  test('of a stranger who was refused says so, and advises nothing', async () => {
    const world = createWorld({ config: { dmPolicy: 'pairing' } })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.account.reject(world.account.pairings()[0]?.code ?? '')
    await world.settle()

    const [life] = await ofChat(world, 'alice')
    expect(whatHappened(life)).toEqual(['held', 'dropped'])
    expect(life).toMatchObject({
      decision: { action: 'ignore', reason: 'pairing_rejected' },
      explanation: {
        sentence: 'It was kept back, and then not answered, because the bot’s owner refused to let “alice” in.',
        otherwise: [],
      },
    })
    await world.stop()
  })

  test('is found by its id, whole or its beginning, and among the newest of its chat', async () => {
    const world = createWorld()
    await world.start()
    for (const text of ['one', 'two', 'three']) {
      await world.mesh.user('alice').says(text)
      await world.settle()
    }
    const last = await world.account.explain({ chat: 'peer:alice', last: 2 })
    expect(last.map(({ text }) => text)).toEqual(['two', 'three'])
    const id = last[0]?.id ?? ''
    expect((await world.account.explain({ id })).map(life => life.text)).toEqual(['two'])
    expect((await world.account.explain({ id: id.slice(0, 10) })).map(life => life.text)).toEqual(['two'])
    expect(await world.account.explain({ id: 'ffffffffff' })).toEqual([])
    await world.stop()
  })

  test('outlives the folding of the journal, and a restart; beyond the history the outcome is still known', async () => {
    const world = createWorld({ config: { limits: { journalBytes: 1, historyBytes: 1_048_576 } } })
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle()
    await world.stop()
    expect(await world.disk().list('archive')).not.toEqual([])
    await world.start()
    expect(whatHappened((await ofChat(world, 'alice'))[0])).toContain('reply confirmed')
    await world.stop()

    for (const name of await world.disk().list('archive')) await world.disk().remove(`archive/${name}`)
    for (const name of await world.disk().list('journal')) await world.disk().remove(`journal/${name}`)
    await world.start()
    expect(await ofChat(world, 'alice')).toMatchObject([
      { sender: 'alice', text: null, explanation: null, decision: { action: 'process', reason: 'allowed' } },
    ])
    await world.stop()
  })

  test('of a retry storm keeps its beginning and its end', async () => {
    const responder = {
      respond: async () => {
        throw new Error('no')
      },
    }
    const world = createWorld({ responder, config: { limits: { dispatchAttempts: 1_000, dispatchBackoffMsMax: 1_000 } } })
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle(1_200_000)

    const [life] = await ofChat(world, 'alice')
    expect(life?.moments.length).toBe(200)
    expect([life?.moments[0]?.what, life?.moments.at(-1)?.what]).toEqual(['accepted', 'dead letter'])
    await world.stop()
  })
})

test('the past of a chat shows its states after each record, up to where it is now', async () => {
  const world = createWorld({ config: { dmPolicy: 'pairing', limits: { journalBytes: 1 } } })
  await world.start()
  await world.mesh.user('alice').says('may I?')
  await world.settle()
  await world.account.approve(world.account.pairings()[0]?.code ?? '')
  await world.settle(60_000)

  const { inspection } = world.account
  const steps = await inspection.past('peer:alice')
  expect(steps.find(({ event }) => event === 'message.held')).toMatchObject({ chat: { door: 'awaiting pairing', turn: 'idle' } })
  expect(steps.find(({ event }) => event === 'message.released')).toMatchObject({ chat: { turn: { answering: 'dispatching' } } })
  expect(steps.at(-1)?.chat).toEqual(inspection.look('chat:peer:alice')?.value)
  expect(steps.at(-1)?.outbox).toEqual(inspection.look('outbox:peer:alice')?.value)
  expect(await inspection.past('peer:nobody')).toEqual([])
  await world.stop()
})

describe('replay', () => {
  const lived = async () => {
    const world = createWorld({ config: { dmPolicy: 'pairing', limits: { journalBytes: 1 } } })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    const heldMs = world.clock.now() - 1
    await world.account.approve(world.account.pairings()[0]?.code ?? '')
    await world.settle()
    await world.mesh.user('bob').says('me too')
    await world.settle()
    await world.stop()
    const store = await openStore({ disk: world.disk() })
    const loaded = await store.load()
    return { world, store, loaded, heldMs }
  }

  test('of everything comes to where the account is', async () => {
    const { store, loaded } = await lived()
    const replayed = await replayFrom(store, LIMITS)

    expect(replayed.problems).toEqual([])
    expect(replayed.firstSeq).toBe(1)
    expect(replayed.lastSeq).toBe(loaded.lastSeq)
    // What the folded snapshots say, for all that has not changed since.
    const unchanged = [...loaded.entries].filter(([key]) => !loaded.tail.some(({ changes }) => changes.some(change => change.key === key)))
    expect(unchanged.length).toBeGreaterThan(0)
    for (const [key, { json }] of unchanged) expect(JSON.parse(JSON.stringify(replayed.entries.get(key)))).toEqual(JSON.parse(json))
  })

  test('shows any moment, by time or by record', async () => {
    const { store, heldMs } = await lived()
    const then = await replayFrom(store, LIMITS, { atMs: heldMs })

    expect(then.entries.has('chat:peer:bob')).toBe(false)
    expect(then.entries.get('chat:peer:alice')).toMatchObject({ chat: { value: { door: 'awaiting pairing', turn: 'idle' } } })
    expect(then.entries.get('pairing:alice')).toMatchObject({ value: { pending: 'open' } })
    expect((await replayFrom(store, LIMITS, { seq: then.lastSeq ?? 0 })).entries).toEqual(then.entries)
    expect((await replayFrom(store, LIMITS, { seq: 0 })).lastSeq).toBeNull()
  })

  test('says what it does not know, where the beginning is not kept any more', async () => {
    const { store, world } = await lived()
    const [oldest] = await world.disk().list('archive')
    await world.disk().remove(`archive/${oldest}`)

    const { firstSeq, problems } = await replayFrom(store, LIMITS)
    expect(problems).toEqual([
      `Records 1 to ${(firstSeq ?? 0) - 1} are not kept any more: what was as they left it is not known to this replay.`,
    ])
  })
})
