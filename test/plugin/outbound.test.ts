import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { createOutbound } from '../../src/plugin/outbound.ts'
import { createRunningAccounts, type RunningAccount } from '../../src/plugin/running.ts'
import { handleOf, START_MS } from './stand-ins.ts'

class NotDispatched extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.retryable = retryable
  }
}

/** A text file with its own path in it. */
const loadStub = async (url: string) => ({ size: url.length, chunks: [Buffer.from(url)], name: 'note.txt', contentType: 'text/plain' })

function scene() {
  const clock = createVirtualClock(START_MS)
  const running = createRunningAccounts()
  const taken: { chat: string; text: string; key: string }[] = []
  const handle = handleOf({
    send: async ({ repeats, ...message }) => {
      const known = repeats ? taken.map(({ key }) => `${key}#0`).filter(repeats) : []
      if (known.length > 0) return { keys: known }
      taken.push(message)
      return { keys: [`${message.key}#0`] }
    },
  })
  const gone = new AbortController()
  const outbound = createOutbound({
    running,
    clock,
    freshKey: () => 'fresh',
    loadMedia: loadStub,
    notDispatched: async (message, { retryable }) => new NotDispatched(message, retryable),
  })
  const start = (turnOf?: RunningAccount['turnOf']) =>
    running.set('default', { handle, enter: work => work(), gone: gone.signal, ...(turnOf && { turnOf }) })
  const send = (message: object) => outbound.message.send!.text!({ cfg: {}, to: 'alice', text: 'hi', accountId: 'default', ...message })
  const reconcile = (send: object) =>
    outbound.message.durableFinal!.reconcileUnknownSend!({
      cfg: {},
      queueId: 'q1',
      to: 'alice',
      accountId: 'default',
      payloads: [{ text: 'hi' }],
      ...send,
    })
  return { clock, running, taken, handle, gone, outbound, start, send, reconcile }
}

test('a reply goes to the outbox under the host’s delivery id, with the answered message in front', async () => {
  const { taken, start, send } = scene()
  start()
  const sent = await send({ deliveryQueueId: 'q1', replyToId: 'm1', to: 'ztm-chat:group:alice/team' })
  expect(taken).toEqual([{ chat: 'group:alice/team', text: 'hi', key: 'm1#0-8f434346.q1' }])
  expect(sent).toEqual({
    messageId: 'm1#0-8f434346.q1#0',
    receipt: {
      primaryPlatformMessageId: 'm1#0-8f434346.q1#0',
      platformMessageIds: ['m1#0-8f434346.q1#0'],
      parts: [{ platformMessageId: 'm1#0-8f434346.q1#0', kind: 'text', index: 0 }],
      replyToId: 'm1',
      sentAt: expect.any(Number),
    },
  })
})

test('an answer that does not say what it answers is known by its delivery: the host has taken the turn up again', async () => {
  const { taken, start, send, reconcile } = scene()
  start(async (chat, delivery) => (chat === 'peer:alice' && delivery === 'q1' ? 'm1' : null))
  await send({ deliveryQueueId: 'q1' })
  await send({ deliveryQueueId: 'q2' })
  expect(taken.map(({ key }) => key)).toEqual(['m1#0-8f434346.q1', 'q2'])
  expect(await reconcile({ queueId: 'q1' })).toMatchObject({ status: 'sent' })
})

test('is kept by the host, and tried again, when it cannot be told which that is', async () => {
  const { taken, start, send } = scene()
  start(async () => {
    throw new Error('the session cannot be read')
  })
  await expect(send({ deliveryQueueId: 'q1' })).rejects.toMatchObject({ constructor: NotDispatched, retryable: true })
  expect(taken).toEqual([])
})

test('and so it is when the host asks after a crash what has become of it', async () => {
  const { taken, start, reconcile } = scene()
  start(async (_, delivery) => (delivery === 'q1' ? 'm1' : null))
  await reconcile({ queueId: 'q1' })
  expect(taken.map(({ key }) => key)).toEqual(['m1#0-8f434346.q1'])
})

test('an answer that was delivered for the host is not sent again when it delivers it after all, whatever it says then', async () => {
  const { taken, start, outbound, send, reconcile } = scene()
  start()
  await outbound.takeOver({ account: 'default', chat: 'peer:alice', messageId: 'm1', id: 'q1', text: 'hi' })
  await send({ deliveryQueueId: 'q1', replyToId: 'm1' })
  await send({ deliveryQueueId: 'q1' })
  expect(taken).toEqual([{ chat: 'peer:alice', text: 'hi', key: 'm1#0-8f434346.q1' }])
  expect(await reconcile({ queueId: 'q1' })).toMatchObject({ status: 'sent' })
})

test('an answer to a message that was asked again has the key of that message', async () => {
  const { taken, start, send } = scene()
  start()
  await send({ deliveryQueueId: 'q1', replyToId: 'm1/2' })
  expect(taken.map(({ key }) => key)).toEqual(['m1#0-8f434346.q1'])
})

test('a part that the host has split off has a key of its own, and a send without delivery id gets a fresh one', async () => {
  const { taken, start, send } = scene()
  start()
  await send({ deliveryQueueId: 'q1', deliveryPartIndex: 2 })
  await send({})
  expect(taken.map(({ key }) => key)).toEqual(['q1.2', 'fresh'])
})

test('the host’s checks come before the outbox, in its order', async () => {
  const { taken, start, send } = scene()
  start()
  const steps: string[] = []
  const fence = new Error('not any more')
  await expect(
    send({
      onPlatformSendDispatch: async () => void steps.push('dispatch'),
      assertDirectAdapterHandoff: () => {
        steps.push('fence')
        throw fence
      },
    }),
  ).rejects.toBe(fence)
  await expect(send({ signal: AbortSignal.abort(fence) })).rejects.toBe(fence)
  expect(steps).toEqual(['dispatch', 'fence'])
  expect(taken).toEqual([])
})

test.each([
  ['an account that does not run', {}, true],
  ['a target that is no chat', { to: 'a/b/c' }, false],
])('%s: nothing has left the machine, and the host is told whether to try again', async (_, message, retryable) => {
  const { send } = scene()
  await expect(send(message)).rejects.toMatchObject({ constructor: NotDispatched, retryable })
})

test('what the outbox does not take has not left the machine', async () => {
  const { running, gone, send } = scene()
  running.set('default', {
    handle: handleOf({ send: () => Promise.reject(new Error('disk full')) }),
    enter: work => work(),
    gone: gone.signal,
  })
  await expect(send({})).rejects.toMatchObject({ constructor: NotDispatched, message: 'disk full', retryable: true })
})

test('an account that is closed before it answers has not taken the message', async () => {
  const { running, gone, send } = scene()
  running.set('default', { handle: handleOf({ send: () => new Promise(() => {}) }), enter: work => work(), gone: gone.signal })
  const sent = send({})
  gone.abort()
  await expect(sent).rejects.toMatchObject({ constructor: NotDispatched, retryable: true })
})

test('asked what became of a reply, the outbox is given it again under the same key', async () => {
  const { taken, start, reconcile } = scene()
  start()
  expect(await reconcile({ effectiveReplyToId: 'm1' })).toMatchObject({ status: 'sent', messageId: 'm1#0-8f434346.q1#0' })
  expect(taken).toEqual([{ chat: 'peer:alice', text: 'hi', key: 'm1#0-8f434346.q1' }])
})

test('a turn that is run again after a crash answers under new ids: the same answer is acknowledged, another one is sent', async () => {
  const first = scene()
  first.start()
  for (const [deliveryQueueId, text] of [
    ['q1', 'one'],
    ['q2', 'one'],
    ['q3', 'two'],
  ] as const)
    await first.send({ deliveryQueueId, replyToId: 'm1', text })
  expect(first.taken.map(({ text }) => text)).toEqual(['one', 'one', 'two'])

  // The process after it has counted nothing yet.
  const { running, taken } = first
  const second = createOutbound({
    running,
    clock: first.clock,
    freshKey: () => 'fresh',
    loadMedia: loadStub,
    notDispatched: async () => new Error('never'),
  })
  const again = (deliveryQueueId: string, text: string) =>
    second.message.send!.text!({ cfg: {}, to: 'alice', accountId: 'default', deliveryQueueId, replyToId: 'm1', text })
  await again('q4', 'one')
  await again('q5', 'one')
  await again('q6', 'another')
  expect(taken.map(({ text }) => text)).toEqual(['one', 'one', 'two', 'another'])
})

test('a delivery that was taken is known by its id, whatever stood before it in an earlier process', async () => {
  const first = scene()
  first.start()
  await first.send({ deliveryQueueId: 'q1', replyToId: 'm1', text: 'one' })
  await first.send({ deliveryQueueId: 'q2', replyToId: 'm1', text: 'two' })
  const second = createOutbound({
    running: first.running,
    clock: first.clock,
    freshKey: () => 'fresh',
    loadMedia: loadStub,
    notDispatched: async () => new Error('never'),
  })
  const verdict = await second.message.durableFinal!.reconcileUnknownSend!({
    cfg: {},
    queueId: 'q2',
    to: 'alice',
    accountId: 'default',
    payloads: [{ text: 'two' }],
    effectiveReplyToId: 'm1',
  })
  expect(verdict).toMatchObject({ status: 'sent' })
  expect(first.taken).toHaveLength(2)
})

test('while the account is away, what became of a reply stays open, and the host asks again', async () => {
  expect(await scene().reconcile({})).toMatchObject({ status: 'unresolved', retryable: true })
})

test('only a single text or file can be looked up', async () => {
  const { start, reconcile } = scene()
  start()
  expect(await reconcile({ payloads: [{ text: 'a' }, { text: 'b' }] })).toMatchObject({ status: 'unresolved' })
  expect(await reconcile({ payloads: [{ mediaUrls: ['x', 'y'] }] })).toMatchObject({ status: 'unresolved' })
})

test('what the host hands over only once waits for an account that restarts', async () => {
  const { taken, start, outbound } = scene()
  const delivered = outbound.deliver({ account: 'default', chat: 'peer:alice', text: 'hi', key: 'k', once: true })
  start()
  await delivered
  expect(taken).toHaveLength(1)
})

test('but not for ever', async () => {
  const { clock, outbound } = scene()
  const delivered = outbound.deliver({ account: 'default', chat: 'peer:alice', text: 'hi', key: 'k', once: true })
  const failed = expect(delivered).rejects.toMatchObject({ constructor: NotDispatched })
  await clock.advance(60_000)
  await failed
})

test('a target is checked before anything is sent to the gateway', () => {
  const { resolveTarget } = scene().outbound.outbound
  expect(resolveTarget?.({ to: 'ztm:alice' })).toEqual({ ok: true, to: 'alice' })
  expect(resolveTarget?.({ to: 'alice/team' })).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining('group:CREATOR/GROUP') },
  })
})

test('the outbox works in the account’s own async context, not in that of the turn that sends', async () => {
  const { running, gone, send } = scene()
  const context = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const handle = handleOf({
    send: async () => {
      seen.push(context.getStore())
      return { keys: [] }
    },
  })
  context.run('account', () => running.set('default', { handle, enter: AsyncLocalStorage.snapshot(), gone: gone.signal }))
  await context.run('turn', () => send({}))
  expect(seen).toEqual(['account'])
})

test('a file is put on the mesh before the message that names it is taken, and a reply that is known is not read again', async () => {
  const { running, clock, gone } = scene()
  const read: string[] = []
  const taken: unknown[] = []
  const known: string[] = []
  const file = { owner: 'my-bot', hash: 'cd'.repeat(32), name: 'note.txt', contentType: 'text/plain', size: 8 }
  const handle = handleOf({
    known: () => known,
    upload: async () => file,
    send: async ({ repeats: _, ...message }) => {
      taken.push(message)
      known.push(`${message.key}#0`)
      return { keys: [`${message.key}#0`] }
    },
  })
  running.set('default', { handle, enter: work => work(), gone: gone.signal })
  const outbound = createOutbound({
    running,
    clock,
    freshKey: () => 'fresh',
    loadMedia: async url => {
      read.push(url)
      return loadStub(url)
    },
    notDispatched: async () => new Error('never'),
  })
  const message = { cfg: {}, to: 'alice', text: 'look', accountId: 'default', deliveryQueueId: 'q1', mediaUrl: '/tmp/note.txt' }
  await outbound.message.send!.media!(message)
  await outbound.message.send!.media!(message)
  await outbound.message.send!.media!({ ...message, replyToId: 'm1' })
  await outbound.message.send!.media!({ ...message, replyToId: 'm1' })

  expect(taken[0]).toEqual({ chat: 'peer:alice', text: 'look', files: [file], key: 'q1' })
  expect(read).toEqual(['/tmp/note.txt', '/tmp/note.txt', '/tmp/note.txt'])
})
