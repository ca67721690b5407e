import { expect, test } from 'vitest'
import { ResponderRefused } from '../../src/domain/errors.ts'
import type { PairingStore } from '../../src/ports/pairing-store.ts'
import { createWorld } from '../../src/simulator/world.ts'

test('somebody who was approved by pairing is answered under dmPolicy allowlist, too', async () => {
  const store: PairingStore = {
    approved: async () => ['alice'],
    request: async () => ({ status: 'full' }) as never,
    instructions: () => '',
  } as never
  const world = createWorld({ config: { dmPolicy: 'allowlist' }, pairing: () => store })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle()
  expect(world.answers('alice')).toEqual(['echo: hi'])
  await world.stop()
})

test('an approval by another process while the account was stopped counts, though the code ran out meanwhile', async () => {
  let approved: string[] = []
  let world!: ReturnType<typeof createWorld>
  const store = {
    approved: async () => approved,
    request: async () => ({ status: 'issued', code: 'ABCDEFGH', expiresAtMs: world.clock.now() + 3_600_000 }),
    instructions: (_user: string, code: string) => `code ${code}`,
  } as never as PairingStore
  world = createWorld({ config: { dmPolicy: 'pairing' }, pairing: () => store })
  await world.start()
  await world.mesh.user('alice').says('may I?')
  await world.settle()
  expect(world.answers('alice')).toEqual(['code ABCDEFGH'])
  await world.stop()
  approved = ['alice']
  await world.settle(2 * 3_600_000)
  await world.start()
  await world.settle(60_000)
  expect(world.answers('alice')).toContain('echo: may I?')
  await world.stop()
})

test('a held message that is released gets its final record', async () => {
  const world = createWorld({ config: { dmPolicy: 'pairing' } })
  await world.start()
  await world.mesh.user('alice').says('may I?')
  await world.settle()
  const code = world.account.pairings()[0]!.code
  await world.account.approve(code)
  await world.settle()
  expect(world.account.status().counters.processed).toBe(1)
  await world.stop()
})

test('the first 404 after the agent was away is no dead letter', async () => {
  const world = createWorld({ config: { enableGroups: true, groupPolicy: 'open', requireMention: false, feed: 'poll' } })
  world.mesh.user('alice')
  await world.start()
  await world.settle(5_000)
  await world.mesh.user('alice').says('hi')
  // connections refused for posts only, then one 404
  const isPost = (r: { method: string; target: string }) => r.method === 'POST' && r.target.includes('/messages')
  const refuse = world.bot.agent.answer(
    () => {
      throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    },
    { when: isPost },
  )
  await world.settle(60_000)
  refuse()
  world.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array() }), { when: isPost, times: 1 })
  await world.settle(120_000)
  expect(world.account.deadLetters()).toEqual([])
  expect(world.answers('alice')).toEqual(['echo: hi'])
  await world.stop()
})

test('a reply that was answered with 401 waits', async () => {
  const world = createWorld({ config: { feed: 'poll' } })
  await world.start()
  await world.settle(5_000)
  const isPost = (r: { method: string; target: string }) => r.method === 'POST' && r.target.includes('/messages')
  const end = world.bot.agent.answer(() => ({ status: 401, headers: {}, body: new Uint8Array() }), { when: isPost })
  await world.mesh.user('alice').says('hi')
  await world.settle(20_000)
  end()
  await world.settle(120_000)
  expect(world.answers('alice')).toEqual(['echo: hi'])
  await world.stop()
})

test('the answer to a dead letter is not taken for the apology', async () => {
  let fail = true
  const world = createWorld({
    config: { notifyOnFailure: true },
    responder: {
      respond: async ({ text }) => {
        if (fail) throw new Error('away')
        return `echo: ${text}`
      },
    },
  })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle(60_000)
  expect(world.answers('alice')).toHaveLength(1)
  fail = false
  const [letter] = world.account.deadLetters()
  world.bot.agent.answer('error500', { when: r => r.method === 'POST' && r.target.includes('/messages'), times: 1 })
  await world.account.retryDeadLetter(letter!.id)
  await world.settle(30 * 60_000)
  expect(world.answers('alice').slice(1)).toEqual(['echo: hi'])
  await world.stop()
})

test('whom the responder refuses is told no more: nobody is to be drawn into a talk by it', async () => {
  const world = createWorld({
    config: { notifyOnFailure: true },
    responder: { respond: () => Promise.reject(new ResponderRefused('host_denied: another bot.')) },
  })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle(60_000)
  expect(world.answers('alice')).toEqual([])
  expect(world.account.deadLetters()).toMatchObject([{ reason: 'host_denied: another bot.' }])
  await world.stop()
})

test('a send to an account that has stopped is refused', async () => {
  const world = createWorld()
  await world.start()
  await world.settle(5_000)
  const { account } = world
  await world.stop()
  const outcome = await Promise.race([
    account.send({ chat: 'peer:alice', text: 'x', key: 'k' }).then(
      () => 'sent',
      () => 'refused',
    ),
    world.settle(60_000).then(() => 'never settles'),
  ])
  expect(outcome).toBe('refused')
})
