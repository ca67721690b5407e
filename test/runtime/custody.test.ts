/** A responder that says it has a message before that is safe with it: what it loses with its process is asked again, and nothing else is. */
import { describe, expect, test } from 'vitest'
import type { Custody, DispatchRequest } from '../../src/ports/responder.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

type Options = {
  /** What it says of messages that were in its custody. */
  readonly reclaim?: (kept: Custody) => Promise<readonly string[]>
  readonly config?: Readonly<Record<string, unknown>>
}

/** Adopts whatever it is asked, and answers when it is told to. */
function scene({ reclaim = async ({ messageIds }) => messageIds, config = {} }: Options = {}) {
  const asked: { text: string; losses: number; attempt: number }[] = []
  const kept: Custody[] = []
  const turns = new Map<string, { request: DispatchRequest; end: () => void }>()
  const world: World = createWorld({
    config,
    responder: {
      async respond(request, turn) {
        const { text, losses, attempt, messageId } = request
        asked.push({ text, losses, attempt })
        await turn.adopted()
        await new Promise<void>(end => turns.set(messageId, { request, end }))
        return 'not this'
      },
      async reclaim(custody) {
        kept.push(custody)
        return reclaim(custody)
      },
    },
  })
  /** Its answers go out, and its turns are over. */
  const answer = async () => {
    for (const [id, { request, end }] of turns) {
      await world.account.send({ chat: request.chat, text: `echo: ${request.text}`, key: `${id}#final0` })
      end()
    }
    turns.clear()
    await world.settle()
  }
  const says = async (text: string) => {
    await world.mesh.user('alice').says(text)
    await world.settle()
  }
  const again = async (end: 'stop' | 'crash') => {
    await world[end]()
    turns.clear()
    await world.start()
    await world.settle()
  }
  return { world, asked, kept, answer, says, again }
}

test('a message that a responder has adopted waits for its answer until its turn is over', async () => {
  const { world, answer, says } = scene()
  const waiting = () => [...world.account.chats()].map(chat => chat.waiting)
  await world.start()
  await says('one')
  await says('two')
  expect(waiting()).toEqual([2])
  await answer()
  expect(waiting()).toEqual([0])
  await world.stop()
})

describe.each(['stop', 'crash'] as const)('after a %s, a message whose turn was not over', end => {
  test('is asked again when the responder has lost it, before what came after it, and answered once', async () => {
    const { world, asked, kept, answer, says, again } = scene()
    await world.start()
    await says('one')
    await says('two')
    await again(end)
    expect(kept.map(({ account, chat, messageIds }) => [account, chat, messageIds.length])).toEqual([['default', 'peer:alice', 2]])
    expect(asked).toEqual([
      { text: 'one', losses: 0, attempt: 1 },
      { text: 'two', losses: 0, attempt: 1 },
      { text: 'one', losses: 1, attempt: 1 },
      { text: 'two', losses: 1, attempt: 1 },
    ])
    await answer()
    expect(world.answers('alice')).toEqual(['echo: one', 'echo: two'])
    await world.stop()
  })

  test('is not asked again when the responder answers it', async () => {
    const { world, asked, kept, says, again } = scene({ reclaim: async () => [] })
    await world.start()
    await says('one')
    await again(end)
    await again(end)
    expect([asked.length, kept.length]).toEqual([1, 1])
    await world.stop()
  })

  test('keeps what comes after it waiting until it is known what has become of it', async () => {
    const told = Promise.withResolvers<readonly string[]>()
    const { world, asked, kept, says, again } = scene({ reclaim: () => told.promise })
    await world.start()
    await says('one')
    await again(end)
    await says('two')
    expect(asked.map(({ text }) => text)).toEqual(['one'])
    expect(world.account.status()).toMatchObject({ waitingDispatches: 0, runningDispatches: 0 })
    told.resolve(kept.flatMap(({ messageIds }) => messageIds))
    await world.settle()
    expect(asked.map(({ text }) => text)).toEqual(['one', 'one', 'two'])
    await world.stop()
  })

  test('is asked about until the responder can tell', async () => {
    let failures = 3
    const { world, asked, kept, says, again } = scene({
      reclaim: async ({ messageIds }) => {
        if (failures-- > 0) throw new Error('the gateway is starting')
        return messageIds
      },
    })
    await world.start()
    await says('one')
    await again(end)
    await world.settle(60_000)
    expect([kept.length, asked.length]).toEqual([4, 2])
    await world.stop()
  })

  test('is kept over a fold of the journal', async () => {
    const { world, asked, says, again } = scene({ config: { limits: { journalBytes: 1_024 } } })
    await world.start()
    await says('one')
    for (let n = 0; n < 20; n++) await world.account.send({ chat: 'peer:bob', text: `news ${n}`, key: `news/${n}` })
    await world.settle(60_000)
    await again(end)
    expect(asked.map(({ text }) => text)).toEqual(['one', 'one'])
    await world.stop()
  })

  test('is a dead letter, and its sender is told, when it was lost as often as may be; it can still be tried again', async () => {
    const { world, asked, answer, says, again } = scene({ config: { notifyOnFailure: true } })
    await world.start()
    await says('one')
    for (let n = 0; n < 4; n++) await again(end)
    expect(asked.map(({ losses }) => losses)).toEqual([0, 1, 2])
    const [letter] = world.account.deadLetters()
    expect(letter).toMatchObject({ kind: 'message', reason: 'The assistant adopted it and lost it, 3 times.' })
    expect(world.answers('alice')).toEqual([expect.stringContaining('Sorry')])

    await world.account.retryDeadLetter(letter!.id)
    await world.settle()
    // Under an id that the responder has not seen.
    expect(asked.at(-1)).toEqual({ text: 'one', losses: 3, attempt: 1 })
    await answer()
    expect(world.answers('alice')).toEqual([expect.stringContaining('Sorry'), 'echo: one'])
    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })
})

test('a message whose answer we have is not asked again when the responder takes it for lost, and our state is not called old', async () => {
  const { world, asked, says, again } = scene()
  await world.start()
  await says('one')
  const [id] = world.account.inCustody('peer:alice')
  // As a delivery of OpenClaw has it.
  await world.account.send({ chat: 'peer:alice', text: 'echo: one', key: `${id}#0-1a2b3c4d.5e6f` })
  await world.settle()
  await again('crash')
  await world.settle(60_000)
  expect(asked).toHaveLength(1)
  expect(world.answers('alice')).toEqual(['echo: one'])
  expect(world.account.status().warnings).toEqual([])
  await world.stop()
})

test('a turn that is over is asked about no more', async () => {
  const { world, kept, answer, says, again } = scene()
  await world.start()
  await says('one')
  await answer()
  await again('crash')
  expect(kept).toEqual([])
  expect(world.answers('alice')).toEqual(['echo: one'])
  await world.stop()
})

test('a stop waits for no turn that can be asked about later', async () => {
  const { world, says } = scene()
  await world.start()
  await says('one')
  const beganMs = world.clock.monotonic()
  await world.stop()
  expect(world.clock.monotonic() - beganMs).toBeLessThan(1_000)
})

test('what became of it can be read', async () => {
  const { world, answer, says, again } = scene()
  await world.start()
  await says('one')
  await again('crash')
  await answer()
  const [life] = await world.account.explain({ chat: 'peer:alice', last: 1 })
  expect(life?.moments.map(({ what }) => what)).toEqual([
    'accepted',
    'adopted',
    'lost',
    'adopted',
    'reply queued',
    'reply posted',
    'answered',
    'reply confirmed',
  ])
  await world.stop()
})
