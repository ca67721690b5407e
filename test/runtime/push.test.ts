import { describe, expect, test } from 'vitest'
import { REAL } from '../../src/simulator/mesh/quirks.ts'
import { createWorld, type World, type WorldOptions } from '../../src/simulator/world.ts'

const PEER = 'peer:my-bot'

/** A real mesh, with everything that it loses and delays. */
const realWorld = (options: WorldOptions = {}) => createWorld({ ...options, quirks: { ...REAL, ...options.quirks } })

/** What the mesh has of our answers; the user's own chat app may have lost them. */
const answered = (world: World, user: string) =>
  world.mesh
    .reached(user, PEER)
    .filter(({ sender }) => sender === 'my-bot')
    .map(({ message }) => (message as { text: string }).text)

/** Requests to the bot's agent by route, from now on. */
const countRequests = (world: World) => {
  const counted: Record<string, number> = {}
  world.bot.agent.answer(({ method, target }) => {
    const route = `${method} ${/files\?.*wait|files|file-data|messages|chats|appinfo|meshes\/home$/.exec(target)?.[0] ?? target}`
    counted[route] = (counted[route] ?? 0) + 1
    return null
  })
  return { all: () => Object.values(counted).reduce((sum, count) => sum + count, 0), of: (route: string) => counted[route] ?? 0, counted }
}

/** From the moment at which the hub had each message to its decision, ms. */
const latencies = (world: World, user: string): readonly number[] => {
  const texts = world.mesh.reached(user, PEER).filter(({ sender }) => sender === user)
  const decidedAtMs = world.events.flatMap(event => (event.event === 'decision' && event.sender === user ? [event.atMs] : []))
  return texts.map(({ reachedAtMs }, n) => (decidedAtMs[n] ?? Number.POSITIVE_INFINITY) - reachedAtMs)
}

describe('with the file index, a message', () => {
  test('is read half a second after the hub has it, and at the latest at the next look', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle(30_000)
    for (let n = 0; n < 60; n++) {
      await world.mesh.user('alice').says(`message ${n}`)
      await world.settle(7_000 + 137 * n)
    }

    const sorted = latencies(world, 'alice')
      .slice(1)
      .toSorted((one, other) => one - other)
    expect(sorted).toHaveLength(60)
    expect(sorted[30]).toBeLessThanOrEqual(700)
    expect(sorted[58]).toBeLessThanOrEqual(1_300)
    expect(world.account.status()).toMatchObject({ feed: 'push' })
    expect(world.account.status().feedLagMs).toBeLessThanOrEqual(1_300)
    await world.stop()
  })

  test('written while nobody was there does not make the feed look slow', async () => {
    const world = createWorld()
    await world.start()
    await world.settle()
    await world.stop()
    await world.mesh.user('alice').says('anybody?')
    await world.settle(60_000)
    await world.start()
    await world.settle(30_000)
    expect(world.answers('alice')).toEqual(['echo: anybody?'])
    expect(world.account.status().feedLagMs).toBeLessThanOrEqual(2_000)
    await world.stop()
  })

  test('is read at once, however soon it follows those of others, where the agent is not blind', async () => {
    const world = createWorld()
    const users = ['alice', 'bob', 'carol']
    for (const user of users) await world.mesh.user(user).says('hello')
    await world.start()
    for (let n = 0; n < 60; n++) {
      // Somebody new makes us look back, which may take in what a wait was to bring.
      await world.mesh.user(`new-${n}`).says('hello')
      for (const user of users) {
        await world.mesh.user(user).says(`message ${n}`)
        await world.settle(1 + n)
      }
      await world.settle(200 + 37 * n)
    }

    const all = users.flatMap(user => latencies(world, user).slice(1))
    expect(all).toHaveLength(180)
    expect(Math.max(...all)).toBeLessThanOrEqual(50)
    await world.stop()
  })

  test('that follows another closely is not missed', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    // The rights to a new conversation come late, and nothing tells of it: what begins one may wait for the next look.
    await world.mesh.user('alice').says('hello')
    await world.settle(30_000)
    const expected = ['echo: hello']
    for (let n = 0; n < 30; n++) {
      await world.mesh.user('alice').says(`first ${n}`)
      await world.settle(300 + 40 * n)
      await world.mesh.user('alice').says(`second ${n}`)
      await world.settle(14_000)
      expected.push(`echo: first ${n}`, `echo: second ${n}`)
    }

    expect(answered(world, 'alice')).toEqual(expected)
    // The chat app, with its one wait, has lost sight of some for as long as nothing else happened.
    expect(Math.max(...latencies(world, 'alice').slice(1))).toBeLessThanOrEqual(1_300)
    await world.stop()
  })

  test('that begins a conversation comes before the next one, though the rights to it come late', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = realWorld({ seed, quirks: { rightsDelayMs: [900, 900] } })
      world.mesh.user('alice')
      await world.mesh.user('bob').says('hello')
      await world.start()
      await world.settle(20_000)

      await world.mesh.user('alice').says('first')
      await world.settle(250)
      await world.mesh.user('alice').says('second')
      for (let n = 0; n < 5; n++) {
        await world.settle(500)
        await world.mesh.user('bob').says(`noise ${n}`)
      }
      await world.settle(60_000)

      expect(answered(world, 'alice'), `seed ${seed}`).toEqual(['echo: first', 'echo: second'])
      await world.stop()
    }
  })

  test('confirms our answer by its own file, without asking the chat app', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.mesh.user('alice').says('first')
    await world.settle(60_000)
    const requests = countRequests(world)

    await world.mesh.user('alice').says('hi')
    await world.settle(12_000)

    expect(world.account.status()).toMatchObject({ outbox: 0, counters: { sent: 2, repeatedPosts: 0 } })
    expect(requests.of('GET messages')).toBe(0)
    await world.stop()
  })
})

describe('what the chat app loses is answered, once:', () => {
  test('everything, when it is frozen', async () => {
    const world = realWorld({ config: { selfHeal: false } })
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    world.bot.agent.freeze()

    for (let n = 0; n < 5; n++) {
      await world.mesh.user('alice').says(`message ${n}`)
      await world.settle(9_000)
    }
    await world.settle(60_000)

    expect(world.bot.inbox('peer:alice')).toEqual([])
    expect(answered(world, 'alice')).toEqual([0, 1, 2, 3, 4].map(n => `echo: message ${n}`))
    expect(world.account.status()).toMatchObject({ outbox: 0, state: 'live' })
    await world.stop()
  })

  test('a fifth of the files, and those whose source is cold', async () => {
    const world = realWorld()
    await world.start()
    await world.settle(5_000)
    let reads = 0
    world.bot.agent.answer(({ target }) =>
      target.includes('/file-data/') && reads++ % 5 === 0 ? { status: 404, headers: {}, body: new Uint8Array() } : null,
    )

    for (const name of ['alice', 'bob', 'carol', 'dave']) {
      world.mesh.user(name).agent.restart()
      await world.settle(2_000)
      await world.mesh.user(name).says(`hi from ${name}`)
      await world.settle(500)
    }
    await world.settle(60_000)

    for (const name of ['alice', 'bob', 'carol', 'dave']) expect(answered(world, name)).toEqual([`echo: hi from ${name}`])
    await world.stop()
  })

  test('two messages of one millisecond, alike or not', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const alice = world.mesh.user('alice')
    const post = async (...texts: string[]) => {
      const time = world.clock.now()
      const path = `/apps/ztm/chat/shared/alice/publish/peers/my-bot/messages/${time - 60_000}.json`
      const body = new TextEncoder().encode(JSON.stringify(texts.map(text => ({ time, message: { text } }))))
      await alice.agent.request({ method: 'POST', target: `/api/meshes/home/file-data${path}`, body })
    }
    // Opens the conversation to the bot; then two files as other clients of the mesh would write them.
    await alice.says('hello')
    await world.settle(10_000)
    await post('same', 'same')
    await world.settle(5_000)
    await post('one', 'other')
    await world.settle(60_000)

    expect(answered(world, 'alice').toSorted()).toEqual(['echo: hello', 'echo: one', 'echo: other', 'echo: same', 'echo: same'])
    await world.stop()
  })

  test('a first message whose rights come late, behind other changes', async () => {
    const world = realWorld({ quirks: { rightsDelayMs: [8_000, 8_000] } })
    world.mesh.user('alice')
    world.mesh.user('bob')
    await world.start()
    await world.mesh.user('bob').says('hello')
    await world.settle(60_000)

    await world.mesh.user('alice').says('I am new here')
    for (let n = 0; n < 10; n++) {
      await world.mesh.user('bob').says(`busy ${n}`)
      await world.settle(1_500)
    }
    await world.settle(30_000)

    expect(answered(world, 'alice')).toEqual(['echo: I am new here'])
    expect(latencies(world, 'alice')[0]).toBeLessThanOrEqual(20_000)
    await world.stop()
  })
})

describe('a message file', () => {
  const noFiles = (world: World, sender: string) =>
    world.bot.agent.answer(() => ({ status: 404, headers: {}, body: new Uint8Array() }), {
      when: ({ target }) => target.includes(`/file-data/apps/ztm/chat/shared/${sender}/`),
    })

  test('that nobody has for half an hour holds nobody up, is remembered over a restart, and read when somebody has it', async () => {
    const world = realWorld()
    // A clock that is behind must not make it look like history.
    for (const [name, skewMs] of [
      ['alice', -2 * 3_600_000],
      ['bob', 0],
    ] as const)
      await world.mesh.user(name, { skewMs }).says('hello')
    await world.start()
    await world.settle(20_000)
    world.bot.agent.freeze()
    const requests = countRequests(world)
    const show = noFiles(world, 'alice')
    await world.mesh.user('alice').says('hi')
    await world.settle(10 * 60_000)
    const readBefore = requests.of('GET file-data')
    await world.settle(15 * 60_000)
    expect(requests.of('GET file-data') - readBefore).toBeGreaterThan(0)
    expect(requests.of('GET file-data') - readBefore).toBeLessThanOrEqual(3)
    await world.mesh.user('bob').says('hi')
    await world.settle(5 * 60_000)
    await world.stop()
    world.bot.agent.freeze()
    await world.start()
    await world.settle(10 * 60_000)
    expect(answered(world, 'bob')).toEqual(['echo: hello', 'echo: hi'])
    expect(answered(world, 'alice')).not.toContain('echo: hi')

    show()
    await world.settle(12 * 60_000)

    expect(answered(world, 'alice')).toContain('echo: hi')
    await world.stop()
  })

  test('that becomes visible long after others is found when the whole index is looked at', async () => {
    const world = realWorld({ quirks: { rightsDelayMs: [120_000, 120_000] } })
    world.mesh.user('alice')
    await world.mesh.user('bob').says('hello')
    await world.settle(180_000)
    await world.start()
    await world.settle(20_000)
    world.bot.agent.freeze()

    await world.mesh.user('alice').says('I am new here')
    for (let n = 0; n < 20; n++) {
      await world.settle(10_000)
      await world.mesh.user('bob').says(`busy ${n}`)
    }
    await world.settle(13 * 60_000)

    expect(answered(world, 'alice')).toEqual(['echo: I am new here'])
    await world.stop()
  })

  test('with more messages than a chat takes at once is read until nothing is left', async () => {
    const world = createWorld({ config: { limits: { queuedPerChat: 5 } } })
    await world.mesh.user('alice').says('hello')
    await world.start()
    await world.settle()
    world.bot.agent.freeze()

    for (let n = 0; n < 40; n++) await world.mesh.user('alice').says(`message ${n}`)
    await world.settle(10 * 60_000)

    expect(answered(world, 'alice').toSorted()).toEqual(
      ['echo: hello', ...Array.from({ length: 40 }, (_, n) => `echo: message ${n}`)].toSorted(),
    )
    await world.stop()
  })

  test('that is too large is left alone, and troubles nobody else', async () => {
    const world = createWorld()
    await world.start()
    world.bot.agent.answer('huge', { when: ({ target }) => target.includes('/file-data/apps/ztm/chat/shared/mallory/') })

    await world.mesh.user('mallory').says('hi')
    await world.mesh.user('alice').says('hi')
    await world.settle(30 * 60_000)

    expect(answered(world, 'alice')).toEqual(['echo: hi'])
    expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push', counters: { ignored: { too_large: 1 } } })
    await world.stop()
  })
})

test('a hub whose time is behind what it once was is heard again when the whole index has been looked at', async () => {
  const world = createWorld()
  await world.mesh.user('alice').says('hello')
  await world.settle(1_000)
  world.bot.agent.answer(
    async (_, pass) => {
      const answer = await pass()
      const text = new TextDecoder().decode(answer.body as Uint8Array)
      const ahead = text.replace(/"since":(\d+)/g, (_, since) => `"since":${Number(since) + 3_600_000}`)
      return { ...answer, body: new TextEncoder().encode(ahead) }
    },
    { when: ({ target }) => target.endsWith('/files?since=0'), times: 1 },
  )
  await world.start()
  await world.settle(60_000)
  world.bot.agent.freeze()

  await world.mesh.user('bob').says('hi')
  await world.settle(14 * 60_000)
  await world.mesh.user('carol').says('hi')
  await world.settle(5_000)

  expect(answered(world, 'bob')).toEqual(['echo: hi'])
  expect(answered(world, 'carol')).toEqual(['echo: hi'])
  await world.stop()
})

describe('in a group', () => {
  const GROUP = 'group:alice/team'
  const said = (world: World) =>
    world.mesh.reached('my-bot', GROUP).flatMap(({ sender, message }) => (sender === 'my-bot' ? [(message as { text: string }).text] : []))

  test.each([0, -3_600_000])(
    'that the bot joins later, what was written before is history; a member’s clock may be off by %i ms',
    async skewMs => {
      const world = createWorld({ config: { enableGroups: true, groupPolicy: 'open' } })
      const alice = world.mesh.user('alice')
      const bob = world.mesh.user('bob', { skewMs })
      await world.start()
      await alice.creates('team', { name: 'Team', members: ['alice', 'bob'] })
      await world.settle(30_000)
      await bob.says('@my-bot before', GROUP)
      await world.settle(20 * 60_000)
      await alice.creates('team', { members: ['alice', 'bob', 'my-bot'] })
      await alice.says('hello all', GROUP)
      await world.settle(20 * 60_000)
      await bob.says('@my-bot after', GROUP)
      await world.settle(30 * 60_000)

      expect(said(world)).toEqual(['echo: after'])
      await world.stop()
    },
  )
})

describe('of a first start that dies', () => {
  /** The chat app gives no messages of alice, as long as this lasts. */
  const withSilentChat = async () => {
    const world = createWorld()
    await world.mesh.user('alice').says('long ago')
    await world.settle(20 * 60_000)
    const show = world.bot.agent.answer('hang', { when: ({ target }) => target.includes('/peers/alice/messages') })
    await world.start()
    return { world, show }
  }

  test('while it reads the history, the next start is the first', async () => {
    const { world, show } = await withSilentChat()
    await world.settle(5_000)
    await world.crash()
    show()
    await world.settle(60_000)
    await world.start()
    await world.settle(60_000)

    expect(answered(world, 'alice')).toEqual([])
    await world.stop()
  })

  test('later, with a chat that could not be read, nothing is lost that was written meanwhile', async () => {
    const { world, show } = await withSilentChat()
    await world.settle(40_000)
    await world.crash()
    show()
    await world.mesh.user('bob').says('meanwhile')
    await world.settle(20 * 60_000)
    await world.start()
    await world.settle(60_000)

    expect(answered(world, 'bob')).toEqual(['echo: meanwhile'])
    await world.stop()
  })
})

describe('what the file index does not give', () => {
  test('is found even when it is not the latest of its chat', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.mesh.user('alice').says('hello')
    await world.settle(20_000)
    await world.mesh.user('alice').says(`fills the file ${'x'.repeat(1_100)}`)
    await world.settle(20_000)
    let hidden = ''
    const show = world.bot.agent.answer(async ({ target }, pass) => {
      if (!target.includes('/file-data/apps/ztm/chat/shared/alice/')) return null
      hidden ||= target
      return target === hidden ? { ...(await pass()), status: 404 } : null
    })

    await world.mesh.user('alice').says(`hidden ${'x'.repeat(1_100)}`)
    await world.settle(700)
    await world.mesh.user('alice').says('latest')
    await world.settle(8 * 60_000)

    expect(answered(world, 'alice').map(text => text.slice(0, 13))).toEqual(expect.arrayContaining(['echo: hidden ', 'echo: latest']))
    show()
    await world.stop()
  })

  test('is found through the chat app, once', async () => {
    const world = realWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(5_000)
    const hide = world.bot.agent.answer(async ({ target }, pass) => {
      if (!target.includes('/file-data/')) return null
      return { ...(await pass()), status: 404 }
    })

    await world.mesh.user('alice').says('hi')
    await world.settle(60_000)
    expect(answered(world, 'alice')).toEqual(['echo: hi'])
    hide()
    await world.settle(600_000)

    expect(answered(world, 'alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})

describe('in quiet, at most ten requests a minute are made', () => {
  test.each([0, 100])('with %i chats', async count => {
    const world = createWorld({ quirks: REAL })
    for (let n = 0; n < count; n++) await world.mesh.user(`user${n}`).says('hi')
    await world.start()
    await world.settle(20 * 60_000)
    const requests = countRequests(world)

    await world.settle(60 * 60_000)

    expect(requests.all() / 60, JSON.stringify(requests.counted)).toBeLessThanOrEqual(10)
    await world.stop()
  })
})

describe('when the hub goes away', () => {
  test.each([2_000, 5_000, 20_000, 600_000])('for %i ms, nothing that was written meanwhile is lost or doubled', async awayMs => {
    // A chat app that froze meanwhile is another test's business.
    const world = realWorld({ seed: awayMs, config: { selfHeal: false } })
    world.mesh.user('alice')
    await world.start()
    await world.mesh.user('alice').says('before')
    await world.settle(20_000)
    world.mesh.hub.down()
    await world.mesh.user('alice').says('meanwhile')
    await world.settle(awayMs)
    world.mesh.hub.up()
    await world.settle(30_000)
    await world.mesh.user('alice').says('after')
    await world.settle(30 * 60_000)

    // What alice's own agent has lost in its queue is not the bot's to answer.
    const reached = world.mesh
      .reached('alice', PEER)
      .flatMap(({ sender, message }) => (sender === 'alice' ? [(message as { text: string }).text] : []))
    expect(answered(world, 'alice').toSorted()).toEqual(reached.map(text => `echo: ${text}`).toSorted())
    expect(reached).toContain('before')
    expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push' })
    // The agent's empty answers, before it has noticed, do not make the account come and go.
    const states = world.events
      .flatMap(event => (event.event === 'state' ? [event.state] : []))
      .filter((state, n, all) => state !== all[n - 1])
    expect(states).toEqual(['connecting', 'live', 'degraded', 'live'])
    await world.stop()
  })
})

describe('a restart goes on from where the index was read to', () => {
  test('and reads what was written meanwhile, but not the rest', async () => {
    const world = realWorld()
    for (let n = 0; n < 20; n++) world.mesh.user(`user${n}`)
    await world.start()
    for (let n = 0; n < 20; n++) await world.mesh.user(`user${n}`).says('hi')
    await world.settle(10 * 60_000)
    await world.mesh.user('user3').says('bye')
    await world.settle(60_000)
    await world.stop()
    world.bot.agent.freeze()
    await world.mesh.user('user7').says('meanwhile')
    await world.settle(48 * 3_600_000)
    const requests = countRequests(world)
    await world.start()
    await world.settle(60_000)

    expect(answered(world, 'user7')).toEqual(['echo: hi', 'echo: meanwhile'])
    // One of them is ours: it would tell what a life has answered of which this state knows nothing.
    expect(requests.of('GET file-data')).toBeLessThanOrEqual(4)
    await world.stop()
  })

  test('and looks back far enough for what became visible while nothing ran', async () => {
    const world = realWorld({ quirks: { rightsDelayMs: [60_000, 60_000] } })
    await world.mesh.user('bob').says('hello')
    world.mesh.user('alice')
    await world.settle(120_000)
    await world.start()
    await world.settle(20_000)
    world.bot.agent.freeze()
    await world.mesh.user('alice').says('I am new here')
    await world.settle(30_000)
    await world.mesh.user('bob').says('hi')
    await world.settle(15_000)
    await world.stop()
    await world.settle(60_000)
    await world.start()
    await world.settle(5_000)

    expect(answered(world, 'alice')).toEqual(['echo: I am new here'])
    await world.stop()
  })

  test('and neither it nor the first start reads old files', async () => {
    const world = realWorld()
    // Each text fills a file of its own.
    for (let n = 0; n < 12; n++) {
      for (const name of ['alice', 'bob', 'carol']) await world.mesh.user(name).says(`${n} ${'x'.repeat(1_100)}`)
      await world.settle(3_000)
    }
    await world.settle(20 * 60_000)
    const requests = countRequests(world)

    await world.start()
    await world.settle(30 * 60_000)
    await world.mesh.user('dave').says('hi')
    await world.settle(60_000)
    await world.stop()
    await world.start()
    await world.settle(30 * 60_000)

    expect(new Set(world.mesh.reached('alice', PEER).map(({ path }) => path)).size).toBeGreaterThan(3)
    expect(answered(world, 'dave')).toEqual(['echo: hi'])
    expect(requests.of('GET file-data')).toBeLessThanOrEqual(4)
    await world.stop()
  })

  test.each([0, 300, 600, 900, 1_200, 1_500, 2_000, 3_000, 12_000])(
    'after a crash %i ms behind a message that only the files show',
    async afterMs => {
      const world = realWorld({ seed: afterMs + 1 })
      world.mesh.user('alice')
      await world.start()
      await world.settle(20_000)
      world.bot.agent.freeze()
      await world.mesh.user('alice').says('hi')
      await world.settle(afterMs)
      await world.crash()
      await world.settle(120_000)
      await world.start()
      await world.settle(20 * 60_000)

      expect(answered(world, 'alice')).toEqual(['echo: hi'])
      await world.stop()
    },
  )
})

describe('at the very first start', () => {
  /** Written before the bot was there, and lost by its chat app. */
  const withHistory = async (options: WorldOptions = {}, skewMs = 0) => {
    const world = realWorld(options)
    world.mesh.user('alice', { skewMs })
    world.bot.agent.freeze()
    await world.mesh.user('alice').says('long ago')
    await world.settle(20 * 60_000)
    return world
  }

  test.each([0, -2 * 3_600_000])(
    'what was there is history, also when only its file shows it, by a clock that is off by %i ms',
    async skewMs => {
      const world = await withHistory({}, skewMs)
      await world.start()
      await world.settle(60_000)
      await world.crash()
      await world.start()
      await world.settle(60_000)

      await world.mesh.user('alice').says('now')
      await world.settle(60_000)

      expect(world.mesh.reached('alice', PEER)[0]?.path).toBe(world.mesh.reached('alice', PEER)[1]?.path)
      expect(answered(world, 'alice')).toEqual(['echo: now'])
      await world.stop()
    },
  )

  test('a recent message that only its file shows is answered', async () => {
    const world = await withHistory()
    await world.mesh.user('alice').says('just now')
    await world.settle(10_000)

    await world.start()
    await world.settle(60_000)

    expect(answered(world, 'alice')).toEqual(['echo: just now'])
    await world.stop()
  })

  test.each([0, 200, 500, 700, 1_100, 1_600, 2_500, 5_000])(
    'a crash %i ms later answers no history, and loses nothing new',
    async afterMs => {
      const world = await withHistory({ seed: afterMs + 1 })
      await world.mesh.user('alice').says('just now')
      await world.settle(10_000)
      await world.start()
      await world.settle(afterMs)
      await world.crash()
      await world.settle(60_000)
      await world.start()
      await world.settle(10 * 60_000)

      expect(answered(world, 'alice')).toEqual(['echo: just now'])
      await world.stop()
    },
  )
})

describe('an agent without a file index', () => {
  const hideIndex = (world: World, status = 404) =>
    world.bot.agent.answer(() => ({ status, headers: {}, body: new Uint8Array() }), { when: ({ target }) => /\/files\?/.test(target) })

  test.each([404, 405, 200])('that answers %i is polled, and asked again later', async status => {
    const world = createWorld()
    world.mesh.user('alice')
    const show = hideIndex(world, status)
    await world.start()
    await world.settle(20_000)
    await world.mesh.user('alice').says('polled')
    await world.settle(20_000)
    expect(answered(world, 'alice')).toEqual(['echo: polled'])
    expect(world.account.status()).toMatchObject({ state: 'live', feed: 'poll', feedLagMs: null })

    show()
    await world.settle(11 * 60_000)
    await world.mesh.user('alice').says('pushed')
    await world.settle(20_000)

    expect(answered(world, 'alice')).toEqual(['echo: polled', 'echo: pushed'])
    expect(world.account.status()).toMatchObject({ state: 'live', feed: 'push' })
    await world.stop()
  })

  test('makes the account degraded when only the push feed is wanted', async () => {
    const world = createWorld({ config: { feed: 'push' } })
    hideIndex(world)
    await world.start()
    await world.settle(20_000)

    expect(world.account.status()).toMatchObject({ state: 'degraded', reason: expect.stringMatching(/files.*404/) })
    await world.stop()
  })

  test('is never asked for it when only polling is wanted', async () => {
    const world = createWorld({ config: { feed: 'poll' } })
    const requests = countRequests(world)
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(20_000)

    expect(answered(world, 'alice')).toEqual(['echo: hi'])
    expect(requests.of('GET files')).toBe(0)
    expect(requests.counted).not.toHaveProperty('GET files?since=0')
    await world.stop()
  })
})

test('a message file that is answered with the same rubbish again and again is read when that is over', async () => {
  const world = createWorld()
  const alice = world.mesh.user('alice')
  await world.start()
  world.bot.agent.freeze()
  const wellAgain = world.bot.agent.answer('garbage', { when: ({ target }) => target.includes('/file-data/') })
  await alice.says('hi')
  await world.settle(20_000)
  wellAgain()
  await world.settle(3 * 60_000)

  expect(answered(world, 'alice')).toEqual(['echo: hi'])
  await world.stop()
})

describe('files that the chat app would not have written', () => {
  test('are counted and ignored', async () => {
    const world = createWorld()
    const mallory = world.mesh.user('mallory')
    await world.start()
    await mallory.says('hello')
    await world.settle()
    const write = async (path: string, text: string) => {
      const target = `/api/meshes/home/file-data/apps/ztm/chat/shared/${path}`
      await mallory.agent.request({ method: 'POST', target, body: new TextEncoder().encode(text) })
      await world.settle(2_000)
    }
    const forged = JSON.stringify([{ time: world.clock.now(), sender: 'alice', message: { text: 'I am alice' } }])
    await write('alice/publish/peers/my-bot/messages/1.json', forged)
    await write('mallory/publish/peers/my-bot/messages/peers/alice/messages/1.json', forged)
    await write('mallory/publish/peers/my-bot/messages/zero.json', forged)
    await write('mallory/publish/peers/my-bot/messages/1.json', '[{"time":')
    await write('mallory/publish/peers/my-bot/messages/2.json', '[null, 3, {"time": -1}]')
    await write('mallory/publish/peers/my-bot/messages/3.json', forged)
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual([])
    expect(world.answers('mallory')).toEqual(['echo: hello', 'echo: I am alice'])
    expect(world.events.flatMap(event => (event.event === 'decision' ? [event.sender] : []))).not.toContain('alice')
    expect(world.account.status().counters.ignored).toMatchObject({ unusable_path: 2, unusable_file: 1, unsupported_content: 3 })
    await world.stop()
  })
})

test('with polling, what a sender whose clock is behind writes right after the first start is not taken for history twice', async () => {
  const world = createWorld({ config: { feed: 'poll' } })
  world.mesh.user('alice', { skewMs: -2 * 3_600_000 })
  await world.start()
  await world.mesh.user('alice').says('hello')
  await world.settle(10_000)
  await world.mesh.user('alice').says('hello again')
  await world.settle(60_000)

  expect(world.answers('alice')).toEqual(['echo: hello again'])
  await world.stop()
})
