import { describe, expect, test } from 'vitest'
import { CALM, type Quirks, REAL } from '../../../src/simulator/mesh/quirks.ts'
import { CHAT, MESH, makeWorld, START_MS, texts, type World } from './world.ts'

type Switch = { readonly [Name in keyof Quirks]: Quirks[Name] extends boolean ? Name : never }[keyof Quirks]

/** What somebody sees in a mesh that is calm but for this one oddity, and what without it. */
type Case = {
  readonly says: string
  readonly with?: Partial<Quirks>
  readonly play: (world: World) => Promise<unknown>
  readonly on: unknown
  readonly off: unknown
}

const BOT = 'openclaw-bot'
const SETTLED_MS = 500

/** Alice has written to the bot once, so that the conversation and its rights exist everywhere. */
async function acquainted({ mesh, clock }: World): Promise<void> {
  mesh.user(BOT)
  await mesh.user('alice').says('hello')
  await clock.advance(20_000)
  await mesh.user('alice').says('again')
  await clock.advance(20_000)
}

/** Two posts within one millisecond. */
async function twins(world: World): Promise<void> {
  await acquainted(world)
  const alice = world.mesh.user('alice')
  await Promise.all([alice.says('one'), alice.says('two')])
  await world.clock.advance(SETTLED_MS)
}

async function outage({ mesh, clock }: World, ms: number): Promise<void> {
  mesh.hub.down()
  await clock.advance(ms)
  mesh.hub.up()
  await clock.advance(30_000)
}

const since = (user: string, target: string) => async (world: World) => {
  await acquainted(world)
  const { status, body } = await world.get(user, target)
  return body === '' ? status : texts(JSON.parse(body))
}

const cases: Record<Switch, Case> = {
  blindHalfSecond: {
    says: 'a waiting file request misses what changes in its first half second',
    with: { settleMs: 500 },
    play: async world => {
      const { mesh, ask } = world
      await acquainted(world)
      const { since } = mesh.hub.list(BOT).at(-1)!
      const answer = ask(BOT, 'GET', `${MESH}/files?since=${since}&wait=true`, undefined, 5_000)
      await mesh.user('alice').agent.request({ method: 'POST', target: `${MESH}/file-data/shared/alice/note`, body: new Uint8Array(1) })
      return (await answer) === null ? 'no answer' : 'answered'
    },
    on: 'no answer',
    off: 'answered',
  },
  rightsArriveLate: {
    says: 'the first message of a conversation is in the file list, and the chat app does not notice it',
    with: { rightsDelayMs: [50, 900] },
    play: async ({ mesh, clock, get }) => {
      mesh.user(BOT)
      await mesh.user('alice').says('hello')
      await clock.advance(8_000)
      const listed = Object.keys(JSON.parse((await get(BOT, `${MESH}/files?since=0`)).body)).length
      return [mesh.user(BOT).inbox('peer:alice').length, listed]
    },
    on: [0, 1],
    off: [1, 1],
  },
  coldSourceUnknown: {
    says: 'a file of an agent that has just started can be listed and not be fetched',
    with: { coldStartMs: [15_000, 15_000] },
    play: async world => {
      await acquainted(world)
      const { mesh, clock, get } = world
      mesh.user('alice').agent.restart()
      await clock.advance(1_000)
      await mesh.user('alice').says('early')
      await clock.advance(SETTLED_MS)
      const path = [...mesh.hub.list(BOT)].findLast(file => file.path.includes('/alice/publish/peers/'))!.path
      return (await get(BOT, `${MESH}/file-data${path}`)).status
    },
    on: 404,
    off: 200,
  },
  burstsOverwrite: {
    says: 'in a burst two posts of one millisecond share a file name, and the second replaces the first',
    with: { publishMs: [0, 0], announceEveryMs: 1_000 },
    play: async world => {
      await acquainted(world)
      const { mesh, clock } = world
      await mesh.user('alice').says('x'.repeat(1_100))
      await clock.advance(5_000)
      await Promise.all(['a', 'b', 'c'].map(text => mesh.user('alice').says(text)))
      await clock.advance(5_000)
      return texts(mesh.reached('alice', `peer:${BOT}`).slice(3))
    },
    on: ['c'],
    off: ['a', 'b', 'c'],
  },
  freezesAfterOutage: {
    says: 'a hub outage freezes the chat app, though the agent is connected and the files arrive',
    with: { lossNoticedMs: [3_500, 3_500], reconnectMs: [8_000, 8_000], watchRetryMs: 10_000 },
    play: async world => {
      await acquainted(world)
      const { mesh, clock } = world
      await outage(world, 5_000)
      await mesh.user('alice').says('after the outage')
      await clock.advance(5_000)
      const connected = mesh.user(BOT).agent.membership('home')!.connected
      return [connected, mesh.reached('alice', `peer:${BOT}`).length, mesh.user(BOT).inbox('peer:alice').length]
    },
    on: [true, 3, 2],
    off: [true, 3, 3],
  },
  queueStaysBusy: {
    says: 'a write that finds no hub blocks all later ones, which are accepted all the same',
    with: { publishMs: [100, 100], lossNoticedMs: [50, 50] },
    play: async world => {
      await acquainted(world)
      const { mesh, clock } = world
      mesh.hub.down()
      await mesh.user('alice').says('caught in the middle')
      await clock.advance(200)
      mesh.hub.up()
      await clock.advance(5_000)
      await mesh.user('alice').says('later')
      await clock.advance(5_000)
      return texts(mesh.reached('alice', `peer:${BOT}`).slice(2))
    },
    on: [],
    off: ['caught in the middle', 'later'],
  },
  olderTimeRefused: {
    says: 'after a fast clock is put right, posts are accepted and reach nobody',
    play: async world => {
      const { mesh, clock } = world
      mesh.user(BOT)
      const carol = mesh.user('carol')
      for (const [skewMs, text] of [
        [0, 'before'],
        [3_600_000, 'ahead'],
        [0, 'right again'],
      ] as const) {
        carol.agent.setSkew(skewMs)
        await carol.says(text)
        await clock.advance(SETTLED_MS)
      }
      return [texts(mesh.user(BOT).inbox('peer:carol')), texts(carol.inbox())]
    },
    on: [
      ['before', 'ahead'],
      ['before', 'ahead'],
    ],
    off: [
      ['before', 'ahead', 'right again'],
      ['before', 'ahead', 'right again'],
    ],
  },
  watchStartsAtOwnClock: {
    says: 'the chat app of an agent with a fast clock sees nothing new',
    play: async ({ mesh, clock }) => {
      const bot = mesh.user(BOT, { skewMs: 3_600_000 })
      await mesh.user('alice').says('hello')
      await clock.advance(SETTLED_MS)
      return bot.inbox('peer:alice').length
    },
    on: 0,
    off: 1,
  },
  tombstonesReturn: {
    says: 'after a restart of the hub deleted files are listed again',
    play: async world => {
      const { mesh, clock, ask, get } = world
      await ask('alice', 'POST', `${MESH}/file-data/shared/alice/note`, 'x')
      await ask('alice', 'DELETE', `${MESH}/files/shared/alice/note`)
      await clock.advance(SETTLED_MS)
      const before = mesh.hub.now()
      await outage(world, 1_000)
      return Object.keys(JSON.parse((await get('alice', `${MESH}/files?since=${before}`)).body))
    },
    on: ['/shared/alice/note'],
    off: [],
  },
  nulBreaksHub: {
    says: 'a NUL in a peer name breaks the hub connection of the sender, who says that it is connected',
    play: async ({ mesh, clock, ask }) => {
      const { status } = (await ask('alice', 'POST', `${CHAT}/peers/a%00b/messages`, '{"text":"x"}'))!
      await clock.advance(2_500)
      const { connected, errors } = JSON.parse((await ask('alice', 'GET', MESH))!.body)
      const online = [...mesh.hub.endpoints()].find(endpoint => endpoint.user === 'alice')!.online
      return [status, connected, errors.length, online]
    },
    on: [201, true, 2, false],
    off: [201, true, 0, true],
  },
  garbageKeyBreaksHub: {
    says: 'a garbage key in a permit request is refused, and the next list call gets no answer',
    play: async ({ ask }) => {
      const permit = (await ask('root', 'POST', `${MESH}/permits/erin`, 'garbage'))!
      const users = await ask('root', 'GET', `${CHAT}/users`, undefined, 1_000)
      return [permit.status, users?.body ?? 'no answer']
    },
    on: [403, 'no answer'],
    off: [403, '["root"]'],
  },
  sameMsMerged: {
    says: 'of two messages with one time and sender the chat app shows the first, and the file has both',
    with: { publishMs: [0, 0] },
    play: async world => {
      await twins(world)
      return [texts(world.mesh.user(BOT).inbox('peer:alice')).slice(2), texts(world.mesh.reached('alice', `peer:${BOT}`)).slice(2)]
    },
    on: [['one'], ['one', 'two']],
    off: [
      ['one', 'two'],
      ['one', 'two'],
    ],
  },
  controlCharactersPoison: {
    says: 'a control character makes the file unreadable, and the next post starts it anew',
    play: async world => {
      await acquainted(world)
      const { mesh, clock, get } = world
      await mesh.user('alice').says('bell \u0007 and escape \u001b')
      await clock.advance(SETTLED_MS)
      await mesh.user('alice').says('after')
      await clock.advance(SETTLED_MS)
      const { path } = mesh.hub.list(BOT).find(file => file.path.includes('/messages/'))!
      return [texts(mesh.user(BOT).inbox('peer:alice')), texts(JSON.parse((await get(BOT, `${MESH}/file-data${path}`)).body))]
    },
    on: [['hello', 'again', 'after'], ['after']],
    off: [
      ['hello', 'again', 'bell \u0007 and escape \u001b', 'after'],
      ['hello', 'again', 'bell \u0007 and escape \u001b', 'after'],
    ],
  },
  loneSurrogatesSwallow: {
    says: 'a lone surrogate becomes a question mark and swallows the next character',
    play: async world => {
      await acquainted(world)
      const { mesh, clock } = world
      await mesh.user('alice').says('lone \ud800 here, pair \ud83d\ude00')
      await clock.advance(SETTLED_MS)
      return texts(mesh.user(BOT).inbox('peer:alice')).at(-1)
    },
    on: 'lone ?here, pair \ud83d\ude00',
    off: 'lone \ud800 here, pair \ud83d\ude00',
  },
  ownPostsLate: {
    says: 'the own list shows a post only after its way through the hub',
    with: { publishMs: [0, 0], announceEveryMs: 1_000 },
    play: async world => {
      await acquainted(world)
      await world.mesh.user('alice').says('just now')
      await world.clock.drain()
      return texts(world.mesh.user('alice').inbox()).length
    },
    on: 2,
    off: 3,
  },
  getResetsUpdated: {
    says: 'any GET of the messages sets `updated` to 0, whatever its bounds',
    play: async world => {
      await acquainted(world)
      await world.get(BOT, `${CHAT}/peers/alice/messages?before=1`)
      return JSON.parse((await world.get(BOT, `${CHAT}/chats`)).body)[0].updated
    },
    on: 0,
    off: 2,
  },
  startForgetsUpdated: {
    says: 'after a restart `updated` is 0, also for what came meanwhile',
    play: async world => {
      await acquainted(world)
      const { mesh, clock, get } = world
      mesh.user(BOT).agent.kill()
      await mesh.user('alice').says('meanwhile')
      await clock.advance(SETTLED_MS)
      mesh.user(BOT).agent.restart()
      await clock.advance(SETTLED_MS)
      const [chat] = JSON.parse((await get(BOT, `${CHAT}/chats`)).body)
      return [chat.latest.message.text, chat.updated]
    },
    on: ['meanwhile', 0],
    off: ['meanwhile', 3],
  },
  inclusiveBounds: {
    says: '`since` and `before` include their own millisecond',
    play: async world => {
      await acquainted(world)
      const [first, second] = world.mesh.user(BOT).inbox('peer:alice')
      const { body } = await world.get(BOT, `${CHAT}/peers/alice/messages?since=${first!.time}&before=${second!.time}`)
      return texts(JSON.parse(body))
    },
    on: ['hello', 'again'],
    off: [],
  },
  oddBoundsIgnored: {
    says: 'an unreadable bound is ignored',
    play: since(BOT, `${CHAT}/peers/alice/messages?since=12abc&before=0`),
    on: ['hello', 'again'],
    off: 400,
  },
  limitIgnored: {
    says: '`limit` does not exist',
    play: since(BOT, `${CHAT}/peers/alice/messages?limit=1`),
    on: ['hello', 'again'],
    off: ['again'],
  },
  literalCaseIgnored: {
    says: 'the letter case of a path does not matter behind /api/',
    play: async ({ get }) => [(await get('alice', '/api/VERSION')).status, (await get('alice', '/API/version')).status],
    on: [200, 404],
    off: [404, 404],
  },
  trailingSlashTolerated: {
    says: 'one trailing slash is tolerated, but not in front of a query',
    play: async ({ get }) => [(await get('alice', `${CHAT}/chats/`)).status, (await get('alice', `${CHAT}/chats/?a=1`)).status],
    on: [200, 404],
    off: [404, 404],
  },
  overEncodingKept: {
    says: 'an escape of a plain character stays as it is',
    play: async ({ ask, clock, get }) => {
      await ask('alice', 'POST', `${CHAT}/peers/x%2dy%20z/messages`, '1')
      await clock.advance(SETTLED_MS)
      return JSON.parse((await get('alice', `${CHAT}/chats`)).body)[0].peer
    },
    on: 'x%2Dy z',
    off: 'x-y z',
  },
  emptyBodyWithoutHub: {
    says: 'the file list of a lost hub is 200 with an empty body',
    play: async ({ mesh, get }) => {
      mesh.user('alice')
      mesh.hub.down()
      return get('alice', `${MESH}/files`)
    },
    on: { status: 200, type: '', body: '' },
    off: { status: 500, type: 'application/json', body: '{"status":500,"message":"Not connected to mesh"}' },
  },
  namesArePaths: {
    says: 'a post to a name with a slash or dots is accepted and seen by nobody',
    play: async ({ mesh, clock, ask }) => {
      const statuses: number[] = []
      for (const name of ['a%2Fb', '..', 'a%23b', 'a%3Fb', 'plain']) {
        statuses.push((await ask('alice', 'POST', `${CHAT}/peers/${name}/messages`, '1'))!.status)
        await clock.advance(SETTLED_MS)
      }
      const seen = ['a/b', '..', 'a#b', 'a?b', 'plain'].filter(name => mesh.user('alice').inbox(`peer:${name}`).length > 0)
      return [statuses, seen]
    },
    on: [[201, 201, 201, 201, 201], ['plain']],
    off: [
      [201, 201, 201, 201, 201],
      ['a/b', '..', 'a#b', 'a?b', 'plain'],
    ],
  },
}

describe.each(Object.entries(cases))('quirk %s', (name, { says, with: more, play, on, off }) => {
  test(says, async () => {
    expect(await play(makeWorld({ ...more, [name]: true }))).toEqual(on)
  })

  test('not when it is switched off', async () => {
    expect(await play(makeWorld({ ...more, [name]: false }))).toEqual(off)
  })
})

describe('figures that are quirks', () => {
  test('a real long-poll is never answered without a change; with a time-out it says {}', async () => {
    const target = `${MESH}/files?since=${START_MS + 1e9}&wait=true`
    expect(await makeWorld().ask('alice', 'GET', target, undefined, 75_000)).toBeNull()
    expect((await makeWorld({ waitTimeoutMs: 3_000 }).ask('alice', 'GET', target))?.body).toBe('{}')
  })

  test('an agent whose clock is further behind than its certificate is old never connects', async () => {
    const { mesh, clock } = makeWorld({ certificateAgeMs: 60_000 })
    const carol = mesh.user('carol', { skewMs: -3_600_000 })
    await clock.advance(60_000)
    const status = () => carol.agent.membership('home')!
    expect([status().connected, status().errors.map(({ message }) => message)]).toEqual([false, ['No hub found']])

    carol.agent.setSkew(0)
    await clock.advance(1_000)
    expect(status().connected).toBe(true)
  })

  test('with the cost of a real hub an announcement of many files takes long', async () => {
    const seenAfter = async (hubMicrosPerFilePair: number) => {
      const world = makeWorld({ hubMicrosPerFilePair })
      const { mesh, clock, ask } = world
      await acquainted(world)
      for (let file = 0; file < 200; file++) await ask('alice', 'POST', `${MESH}/file-data/shared/alice/${file}`, 'x')
      await clock.advance(5_000)
      await mesh.user('alice').says('slow')
      let waitedMs = 0
      for (; texts(mesh.user(BOT).inbox('peer:alice')).at(-1) !== 'slow'; waitedMs += 10) await clock.advance(10)
      return waitedMs
    }
    expect(await seenAfter(0)).toBeLessThan(100)
    expect(await seenAfter(19)).toBeGreaterThan(700)
  })

  test('a real mesh has every oddity; a calm one keeps those that lose nothing', () => {
    const isOn = (quirks: Quirks) => (name: string) => quirks[name as Switch]
    expect(Object.keys(cases).filter(name => !isOn(REAL)(name))).toEqual([])
    expect(Object.keys(cases).filter(isOn(CALM))).toEqual([
      'ownPostsLate',
      'getResetsUpdated',
      'startForgetsUpdated',
      'inclusiveBounds',
      'oddBoundsIgnored',
      'limitIgnored',
      'literalCaseIgnored',
      'trailingSlashTolerated',
      'overEncodingKept',
      'emptyBodyWithoutHub',
      'namesArePaths',
    ])
  })
})
