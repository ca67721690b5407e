import { describe, expect, test } from 'vitest'
import type { PairingStore } from '../../src/ports/pairing-store.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const PAIRING = { dmPolicy: 'pairing' }
const codeIn = (text: string | undefined) => /code to my owner: ([A-Z2-9]{8})/.exec(text ?? '')?.[1] ?? ''
const decided = (world: World) => world.events.flatMap(event => (event.event === 'decision' ? [`${event.sender}: ${event.reason}`] : []))

describe('a stranger', () => {
  test('gets a code; after the approval the message that asked is answered without being repeated', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()

    await world.mesh.user('alice').says('may I?')
    await world.settle()
    const code = codeIn(world.answers('alice')[0])
    expect(world.account.pairings()).toEqual([expect.objectContaining({ user: 'alice', code, held: 1 })])
    expect(await world.account.approve(code.toLowerCase())).toBe('alice')
    await world.settle()
    await world.mesh.user('alice').says('thanks')
    await world.settle()

    expect(world.answers('alice').slice(1)).toEqual([
      'You are approved. Your message is being answered now.',
      'echo: may I?',
      'echo: thanks',
    ])
    expect(world.account.pairings()).toEqual([])
    await world.stop()
  })

  test('who goes on writing gets one reminder in ten minutes, and the newest five messages are kept', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()

    for (let n = 1; n <= 12; n++) {
      await world.mesh.user('alice').says(`message ${n}`)
      await world.settle(90_000)
    }
    const answers = world.answers('alice')
    expect(answers).toHaveLength(2)
    await world.account.approve(codeIn(answers[0]))
    await world.settle(60_000)

    expect(world.answers('alice').slice(3)).toEqual([8, 9, 10, 11, 12].map(n => `echo: message ${n}`))
    expect(world.account.status().counters.ignored).toEqual({ pairing_overflow: 7 })
    await world.stop()
  })

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['open to all', { dmPolicy: 'open' }, 'allowed'],
    ['open to this one', { ...PAIRING, allowFrom: ['alice'] }, 'whitelisted'],
  ])('is answered when another config is %s: nobody need approve what it lets in, and that ends with it', async (_, config, reason) => {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.stop()
    world.configure(config)
    await world.start()
    await world.settle()

    expect(world.answers('alice').slice(1)).toEqual(['You may write to me now. Your message is being answered.', 'echo: may I?'])
    expect(decided(world)).toEqual(['alice: pending', `alice: ${reason}`])
    expect([world.account.pairings(), world.account.approved()]).toEqual([[], []])
    // Nobody has approved it, and nobody is told so.
    expect(world.events.flatMap(event => (event.event === 'pairing' ? event.state : []))).toEqual(['pending', 'let in'])
    const [life] = await world.account.explain({ chat: 'peer:alice', last: 1 })
    expect(life?.decision).toMatchObject({ action: 'process', reason })
    expect(life?.explanation?.sentence).toBe(
      'It was kept back, and then passed on to the assistant, because the bot’s settings were changed and let “alice” in.',
    )
    await world.stop()
  })

  test('is answered, and gets no code, when another config lets it in before it had one', async () => {
    const away: PairingStore = {
      request: () => Promise.reject(new Error('the store is away')),
      approved: async () => [],
      instructions: (_, code) => `your code is ${code}`,
    }
    const world = createWorld({ config: PAIRING, pairing: () => away })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.stop()
    world.configure({ dmPolicy: 'open' })
    await world.start()
    await world.settle()

    expect(world.answers('alice')).toEqual(['You may write to me now. Your message is being answered.', 'echo: may I?'])
    await world.stop()
  })

  test('stays one under another config that does not let everybody in', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.stop()
    world.configure({ ...PAIRING, allowFrom: ['Alice'] })
    await world.start()
    await world.settle()
    expect([world.answers('alice').length, world.account.pairings().length]).toEqual([1, 1])
    await world.stop()
  })

  test('whose message was held before the last snapshot is answered once, whatever the journal still has of it', async () => {
    // A snapshot with every record: the journal goes on with what the snapshots have already.
    const world = createWorld({ config: { ...PAIRING, limits: { journalBytes: 1 } } })
    await world.start()
    for (const text of ['one', 'two']) await world.mesh.user('alice').says(text)
    await world.settle()
    const [code] = world.answers('alice').map(codeIn)

    await world.crash()
    await world.start()
    await world.settle()
    expect(world.account.pairings()).toMatchObject([{ user: 'alice', held: 2 }])
    await world.account.approve(code!)
    await world.settle(600_000)

    expect(world.answers('alice').slice(2)).toEqual(['echo: one', 'echo: two'])
    expect(world.account.deadLetters()).toEqual([])
    await world.stop()
  })

  test('whose code ran out is told nothing, and gets another code when writing again', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()

    await world.mesh.user('alice').says('may I?')
    await world.settle()
    const first = codeIn(world.answers('alice')[0])
    await world.settle(3_700_000)
    expect(await world.account.approve(first)).toBeNull()
    expect(world.account.status().counters.ignored).toEqual({ pairing_expired: 1 })
    await world.mesh.user('alice').says('again')
    await world.settle()

    const second = codeIn(world.answers('alice')[1])
    expect(second).toMatch(/^[A-Z2-9]{8}$/)
    expect(second).not.toBe(first)
    await world.stop()
  })

  test('who is rejected is not answered', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()

    await world.mesh.user('alice').says('may I?')
    await world.settle()
    expect(await world.account.reject(codeIn(world.answers('alice')[0]))).toBe('alice')
    await world.settle()

    expect(world.answers('alice')).toHaveLength(1)
    expect(world.account.status().counters.ignored).toEqual({ pairing_rejected: 1 })
    await world.stop()
  })

  test('in a flood of strangers: three get a code, the others nothing, and none of it keeps an allowed user waiting', async () => {
    const world = createWorld({ config: { ...PAIRING, allowFrom: ['zoe'] } })
    await world.start()

    for (let n = 0; n < 40; n++) await world.mesh.user(`stranger${n}`).says('let me in')
    await world.mesh.user('zoe').says('hello')
    await world.settle(60_000)

    expect(world.answers('zoe')).toEqual(['echo: hello'])
    expect(world.account.pairings()).toHaveLength(3)
    expect(world.account.status().counters.ignored).toEqual({ pairing_overflow: 37 })
    await world.stop()
  })
})

describe('a request that is pending over a restart', () => {
  test('keeps its code and its message, and can be approved afterwards', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    const code = codeIn(world.answers('alice')[0])

    await world.crash()
    await world.start()
    await world.settle()
    expect(world.answers('alice')).toHaveLength(1)
    await world.account.approve(code)
    await world.settle()

    expect(world.answers('alice').slice(2)).toEqual(['echo: may I?'])
    expect(decided(world)).toEqual(['alice: pending', 'alice: whitelisted'])
    await world.stop()
  })

  test('still runs out when its time has come', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.crash()
    await world.start()
    await world.settle(3_700_000)

    expect(world.account.pairings()).toEqual([])
    expect(world.account.status().counters.ignored).toEqual({ pairing_expired: 1 })
    await world.stop()
  })

  test('is approved for good: after the next restart the user is known', async () => {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.account.approve(codeIn(world.answers('alice')[0]))
    await world.settle()

    await world.crash()
    await world.start()
    await world.mesh.user('alice').says('and now?')
    await world.settle()

    expect(world.answers('alice').at(-1)).toBe('echo: and now?')
    await world.stop()
  })
})

describe('an approval that is taken back', () => {
  async function approved() {
    const world = createWorld({ config: PAIRING })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.account.approve(codeIn(world.answers('alice')[0]))
    await world.settle()
    return world
  }

  test('makes the user a stranger again, who gets another code for the next message', async () => {
    const world = await approved()
    expect(world.account.approved()).toEqual(['alice'])
    const [first] = world.answers('alice').map(codeIn)

    expect(await world.account.revoke('alice')).toBe('alice')
    await world.mesh.user('alice').says('and now?')
    await world.settle()

    const answers = world.answers('alice')
    const second = codeIn(answers.at(-1))
    expect(answers).not.toContain('echo: and now?')
    expect(second).toMatch(/^[A-Z2-9]{8}$/)
    expect(second).not.toBe(first)
    expect(decided(world).at(-1)).toBe('alice: pending')
    expect(await world.account.approve(second)).toBe('alice')
    await world.settle()
    expect(world.answers('alice').at(-1)).toBe('echo: and now?')
    await world.stop()
  })

  test('is durable when that is said: after a loss of power the user is a stranger, and stays one after a fold', async () => {
    const world = await approved()
    await world.account.revoke('alice')
    await world.crash()
    world.configure({ ...PAIRING, limits: { journalBytes: 1 } })
    await world.start()
    await world.mesh.user('alice').says('and now?')
    await world.settle()
    expect(world.account.approved()).toEqual([])
    await world.crash()
    await world.start()
    await world.settle()

    expect(world.account.approved()).toEqual([])
    expect(world.answers('alice')).not.toContain('echo: and now?')
    await world.stop()
  })

  test('leaves what was let through before as it is', async () => {
    const answer = Promise.withResolvers<string>()
    const world = createWorld({ config: PAIRING, responder: { respond: () => answer.promise } })
    await world.start()
    await world.mesh.user('alice').says('may I?')
    await world.settle()
    await world.account.approve(codeIn(world.answers('alice')[0]))
    await world.settle()

    await world.account.revoke('alice')
    answer.resolve('at last')
    await world.settle()

    expect(world.answers('alice').at(-1)).toBe('at last')
    await world.stop()
  })

  test('is not one of a user who has none, however the name is written', async () => {
    const world = await approved()
    expect(await world.account.revoke('bob')).toBeNull()
    expect(await world.account.revoke('Alice')).toBeNull()
    expect(world.account.approved()).toEqual(['alice'])
    await world.stop()
  })
})

test('where somebody else keeps the truth about pairing, an approval there raises no event, and is found all the same', async () => {
  const approved: string[] = []
  const codes = ['ABCD2345', 'EFGH6789']
  const store: PairingStore = {
    request: async () => ({ status: 'created', code: codes.shift()!, expiresAtMs: Date.UTC(2026, 10, 25) }),
    approved: async () => approved,
    instructions: (user, code) => `${user}: openclaw pairing approve ztm-chat ${code}`,
  }
  const world = createWorld({ config: PAIRING, pairing: () => store })
  await world.start()
  await world.mesh.user('alice').says('may I?')
  await world.settle()
  expect(world.answers('alice')).toEqual(['alice: openclaw pairing approve ztm-chat ABCD2345'])

  approved.push('alice')
  await world.settle(5_000)

  expect(world.answers('alice').slice(2)).toEqual(['echo: may I?'])
  approved.pop()
  await world.mesh.user('alice').says('after the approval was taken back')
  await world.settle()
  expect(world.answers('alice')).toHaveLength(4)
  await world.stop()
})

test('an approval by somebody else that makes the account start anew is found with the start, and what was held is answered', async () => {
  const approved: string[] = []
  const store: PairingStore = {
    request: async () => ({ status: 'created', code: 'ABCD2345', expiresAtMs: Date.UTC(2026, 10, 25) }),
    approved: async () => approved,
    instructions: (user, code) => `${user}: openclaw pairing approve ztm-chat ${code}`,
  }
  const world = createWorld({ config: PAIRING, pairing: () => store })
  await world.start()
  await world.mesh.user('alice').says('may I?')
  await world.settle()
  await world.stop()
  approved.push('alice')

  await world.start()
  await world.settle(500)

  expect(world.answers('alice')).toHaveLength(3)
  expect(world.answers('alice').at(-1)).toBe('echo: may I?')
  await world.stop()
})
