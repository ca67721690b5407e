import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import { createOutbound } from '../../src/plugin/outbound.ts'
import { createRunningAccounts } from '../../src/plugin/running.ts'
import { handleOf, START_MS } from './stand-ins.ts'

class NotDispatched extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.retryable = retryable
  }
}

function scene() {
  const clock = createVirtualClock(START_MS)
  const running = createRunningAccounts()
  const taken: { chat: string; text: string; key: string }[] = []
  const handle = handleOf({
    send: async message => {
      taken.push(message)
      return { keys: [`${message.key}#0`] }
    },
  })
  const gone = new AbortController()
  const outbound = createOutbound({
    running,
    clock,
    freshKey: () => 'fresh',
    notDispatched: async (message, { retryable }) => new NotDispatched(message, retryable),
  })
  const start = () => running.set('default', { handle, enter: work => work(), gone: gone.signal })
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
  expect(taken).toEqual([{ chat: 'group:alice/team', text: 'hi', key: 'm1#q1' }])
  expect(sent).toEqual({
    messageId: 'm1#q1#0',
    receipt: {
      primaryPlatformMessageId: 'm1#q1#0',
      platformMessageIds: ['m1#q1#0'],
      parts: [{ platformMessageId: 'm1#q1#0', kind: 'text', index: 0 }],
      replyToId: 'm1',
      sentAt: expect.any(Number),
    },
  })
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
  expect(await reconcile({ effectiveReplyToId: 'm1' })).toMatchObject({ status: 'sent', messageId: 'm1#q1#0' })
  expect(taken).toEqual([{ chat: 'peer:alice', text: 'hi', key: 'm1#q1' }])
})

test('while the account is away, what became of a reply stays open, and the host asks again', async () => {
  expect(await scene().reconcile({})).toMatchObject({ status: 'unresolved', retryable: true })
})

test('only a single text can be looked up', async () => {
  const { start, reconcile } = scene()
  start()
  expect(await reconcile({ payloads: [{ text: 'a' }, { text: 'b' }] })).toMatchObject({ status: 'unresolved' })
  expect(await reconcile({ payloads: [{ mediaUrl: 'x' }] })).toMatchObject({ status: 'unresolved' })
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
