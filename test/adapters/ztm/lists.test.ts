import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { peerChat } from '../../../src/domain/ids.ts'
import { agentAt, errorOf, type Fixture, listOf } from './agent-at.ts'
import { json, startServer } from './local-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

/** A client of a server that answers everything with this value. */
async function answering(value: unknown): Promise<Fixture> {
  const server = await startServer((_, response) => json(response, value))
  const fixture = agentAt(server.url)
  opened.push(fixture.agent, server)
  return fixture
}

test('a message that is no object, or has no sender, stays in the list as nobody’s', async () => {
  const { agent, oddities } = await answering([
    { time: 1, message: { text: 'hello' }, sender: 'alice', extra: true },
    { time: '2', message: [null], sender: 7 },
    { time: { a: 1 } },
    'text',
    null,
  ])

  expect(await agent.messages(peerChat('alice'), 0)).toEqual([
    { time: 1, message: { text: 'hello' }, sender: 'alice' },
    { time: '2', message: [null], sender: '' },
    { time: { a: 1 }, message: undefined, sender: '' },
    { time: undefined, message: undefined, sender: '' },
    { time: undefined, message: undefined, sender: '' },
  ])
  expect(oddities).toEqual([])
})

test('a chat without a usable name is skipped and told, once for each list; the others stay', async () => {
  const { agent, oddities } = await answering([
    { peer: 'alice', time: 5, updated: 1, latest: { time: 5, message: 'hi', sender: 'alice' } },
    { peer: 'a/b', time: 5, updated: 1 },
    { creator: 'bob', time: 5, updated: 1 },
    17,
    { creator: 'bob', group: 'g', name: 'Team', time: 0, updated: 0 },
  ])

  expect(await agent.chats()).toEqual([
    { chat: 'peer:alice', time: 5, updated: 1, latest: { time: 5, message: 'hi', sender: 'alice' } },
    { chat: 'group:bob/g', name: 'Team', time: 0, updated: 0 },
  ])
  expect(oddities).toEqual([expect.stringMatching(/^GET .*\/chats: 3 of 5 entries were skipped; the first is \[1\]: .*\.$/)])
})

test('a list that is the same as one before is not read again', async () => {
  const { agent } = await answering([{ peer: 'alice', time: 5, updated: 1 }])
  const look = async (mark: string | null) => {
    const taken: unknown[] = []
    return { ...(await agent.chatsUnless(mark, summary => taken.push(summary))), taken }
  }
  const first = await look(null)
  expect(first).toMatchObject({ isSame: false, taken: [{ chat: 'peer:alice', time: 5, updated: 1 }] })
  expect(await look(first.mark)).toEqual({ mark: first.mark, isSame: true, taken: [] })
  expect(await look('of another list')).toEqual(first)
})

test('hints that a peer has spoilt do not hide a chat: they say "look here"', async () => {
  const { agent } = await answering([{ creator: 'bob', group: 'g', name: 42, time: '9', updated: null, latest: 'x' }])

  expect(await agent.chats()).toEqual([
    { chat: 'group:bob/g', time: 0, updated: 1, latest: { time: undefined, message: undefined, sender: '' } },
  ])
})

test('a group has the members that can be users, whatever its creator wrote', async () => {
  const { agent } = await answering({ creator: 'bob', group: 'g', name: { a: 1 }, members: ['bot', 5, null, 'alice'] })

  expect(await agent.group('bob', 'g')).toEqual({ creator: 'bob', group: 'g', name: '', members: ['bot', 'alice'] })
})

test('a file with a wrong size is skipped and told by its path; the others stay', async () => {
  const good = { hash: 'h', size: -1, time: 5, since: 6 }
  const { agent, oddities } = await answering({ '/a': good, '/bad': { ...good, size: '1' }, '/b': { hash: 'h', size: 3, time: 5 } })

  expect(await listOf(agent, { sinceMs: 0 })).toEqual([
    { path: '/a', hash: 'h', size: -1, time: 5, since: 6 },
    { path: '/b', hash: 'h', size: 3, time: 5 },
  ])
  expect(oddities).toEqual([expect.stringContaining('1 of 3 entries were skipped; the first is /bad: an unusable entry.size')])
})

test('a path that spells the name of an object’s own property is a path like any other', async () => {
  const server = await startServer((_, response) => response.end('{"__proto__":{"hash":"h","size":1,"time":2,"since":3}}'))
  const { agent } = agentAt(server.url)
  opened.push(agent, server)

  expect(await listOf(agent, { sinceMs: 0 })).toEqual([{ path: '__proto__', hash: 'h', size: 1, time: 2, since: 3 }])
})

test('users, endpoints and log lines that fit stay when others do not', async () => {
  const endpoint = { id: 'e', name: 'ep', username: 'alice', online: true, isLocal: false }
  const users = await answering(['alice', 7, ''])
  const endpoints = await answering([endpoint, { ...endpoint, online: 1 }])
  const log = await answering([{ time: 't', type: 'info', message: 'm' }, {}])

  expect(await users.agent.users()).toEqual(['alice'])
  expect(await endpoints.agent.endpoints()).toEqual([endpoint])
  expect(await log.agent.meshLog()).toEqual([{ time: 't', type: 'info', message: 'm' }])
  expect([users, endpoints, log].map(({ oddities }) => oddities.length)).toEqual([1, 1, 1])
})

test('a list of fifty thousand files is read whole', async () => {
  const paths = Array.from({ length: 50_000 }, (_, nth) => `/apps/ztm/chat/shared/u${nth}/publish/peers/bot/messages/${nth}.json`)
  const { agent } = await answering(Object.fromEntries(paths.map((path, nth) => [path, { hash: 'h', size: nth, time: nth, since: nth }])))

  expect((await listOf(agent, { sinceMs: 0 })).map(({ path }) => path)).toEqual(paths)
})

describe('the list of files is read as it comes in', () => {
  /** Answers in pieces of these lengths. */
  const inPieces = async (text: string, lengths: readonly number[]) => {
    const bytes = Buffer.from(text)
    const pieces: Buffer[] = []
    for (let at = 0, nth = 0; at < bytes.length; nth++) {
      const length = Math.max(1, lengths[nth % Math.max(1, lengths.length)] ?? bytes.length)
      pieces.push(bytes.subarray(at, at + length))
      at += length
    }
    const server = await startServer(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      for (const piece of pieces) await new Promise<void>(resolve => response.write(piece, () => resolve()))
      response.end()
    })
    const fixture = agentAt(server.url)
    opened.push(fixture.agent, server)
    return fixture
  }

  test('in whatever pieces it comes, as JSON.parse would read it', async () => {
    const entry = fc.record({ hash: fc.string(), size: fc.integer(), time: fc.nat(), since: fc.nat() })
    const odd = fc.oneof(
      fc.json().map(text => JSON.parse(text) as unknown),
      entry.map(one => ({ ...one, more: [{ since: 1 }, { a: [one] }] })),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.oneof({ weight: 4, arbitrary: entry }, odd), { maxKeys: 6, noNullPrototype: true }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
        fc.boolean(),
        async (listing, lengths, indented) => {
          const { agent } = await inPieces(JSON.stringify(listing, null, indented ? 2 : 0), lengths)
          const read: object[] = []
          const listed = await agent.files({ sinceMs: 0 }, file => read.push(file))

          const fits = (value: unknown): value is { hash: string; size: number; time: number; since?: number } => {
            const { hash, size, time, since } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
            const isNumber = (one: unknown) => typeof one === 'number' && Number.isFinite(one)
            return typeof hash === 'string' && isNumber(size) && isNumber(time) && (since === undefined || isNumber(since))
          }
          const expected = Object.entries(listing).flatMap(([path, value]) => {
            if (!fits(value)) return []
            const { hash, size, time, since } = value
            return [{ path, hash, size, time, ...(since !== undefined && { since }) }]
          })
          expect(read).toEqual(expected)
          expect(listed.count).toBe(Object.keys(listing).length)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('and what is not kept makes no entry, but counts as listed', async () => {
    const { agent } = await answering({
      '/shared/bob/x': { hash: 'h', size: 1, time: 1, since: 9 },
      '/apps/a': { hash: 'h', size: 1, time: 1, since: 5 },
    })
    const read: string[] = []

    const listed = await agent.files({ sinceMs: 0, keep: path => path.startsWith('/apps/') }, ({ path }) => read.push(path))

    expect(read).toEqual(['/apps/a'])
    expect(listed).toEqual({ count: 2, newestMs: 9 })
  })

  test.each([
    '{"/a":{"hash":"h","size":1,"time":1,"since":1}',
    '{"/a":{"hash":"h","size":1,"time":1,"since":1},}',
    '{"/a" {}}',
    '{"/a":}',
    '{:',
    '{}{}',
    '{"/a":{"hash":nul',
  ])('and %j is malformed', async text => {
    const { agent } = await inPieces(text, [3])

    expect(await errorOf(listOf(agent, { sinceMs: 0 }))).toMatchObject({ name: 'MalformedAnswer' })
  })

  test('and the rest of what is no listing is not read', async () => {
    const page = `<!doctype html>${' '.repeat(50_000_000)}`
    let sentBytes = 0
    const server = await startServer((_, response) => {
      const pump = () => {
        for (; sentBytes < page.length; sentBytes += 65_536)
          if (!response.write(page.slice(sentBytes, sentBytes + 65_536))) return void response.once('drain', pump)
        response.end()
      }
      pump()
    })
    const { agent } = agentAt(server.url)
    opened.push(agent, server)

    const error = await errorOf(listOf(agent, { sinceMs: 0 }))

    expect(error.message).toContain('answered an HTML page where JSON is due')
    expect(sentBytes).toBeLessThan(page.length)
  })
})
