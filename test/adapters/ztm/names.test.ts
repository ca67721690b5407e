import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UnsafeName } from '../../../src/domain/errors.ts'
import { groupChat, peerChat } from '../../../src/domain/ids.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { agentAt, errorOf } from './agent-at.ts'
import { type LocalServer, startServer } from './local-server.ts'

let server: LocalServer
let agent: ZtmAgent
beforeAll(async () => {
  server = await startServer((_, response) => response.writeHead(404).end())
  agent = agentAt(`${server.url}/behind/a%20proxy/`).agent
})
afterAll(async () => {
  await agent.close()
  await server.close()
})

/** Any string of UTF-16 units, halves of surrogate pairs included, and those that mean something in a URL more often. */
const anyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'/#?%.:@&=+;,$!\'()*~^`{}|\\<>" \u0000\u007f\u0085\ud800\udc00é网2Ff'.split('')) }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 }).map(units => String.fromCharCode(...units)),
  fc.constantFrom('', '.', '..', '...', '%2e%2e', '%2F', 'a\\..\\b', 'toString', '__proto__'),
)

const PREFIX = ['', 'behind', 'a proxy', 'api', 'meshes']
const APP = [...PREFIX, 'home', 'apps', 'ztm', 'chat', 'api']

/** The path that the server has understood, piece by piece; null when nothing was sent. */
async function understood(call: () => Promise<unknown>): Promise<string[] | null> {
  const before = server.requests.length
  const result = await call().catch(error => error)
  if (result instanceof UnsafeName) {
    expect(server.requests.length).toBe(before)
    return null
  }
  expect(server.requests.length).toBe(before + 1)
  return server.requests.at(-1)!.url.split('?')[0]!.split('/').map(decodeURIComponent)
}

test('a name is refused, or the server understands exactly that name at exactly that place', async () => {
  await fc.assert(
    fc.asyncProperty(anyName, async name => {
      expect([null, [...APP, 'peers', name, 'messages']]).toContainEqual(await understood(() => agent.messages(peerChat(name), 5)))
      expect([null, [...APP, 'peers', name, 'messages']]).toContainEqual(await understood(() => agent.post(peerChat(name), 'x')))
      expect([null, [...APP, 'groups', name, name]]).toContainEqual(await understood(() => agent.group(name, name)))
      expect([null, [...APP, 'groups', name, name]]).toContainEqual(await understood(() => agent.setGroup(name, name, {})))
      expect([null, [...APP, 'files', name, 'ff']]).toContainEqual(await understood(() => agent.downloadFile(name, 'ff', 9)))
      expect([null, [...APP, 'files', 'bob', name]]).toContainEqual(await understood(() => agent.downloadFile('bob', name, 9)))
    }),
    { numRuns: 200 },
  )
})

test('a path of the file index is refused, or arrives piece by piece as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyName, { maxLength: 4 }), async pieces => {
      const path = `/${pieces.join('/')}`
      expect([null, [...PREFIX, 'home', 'file-data', ...path.slice(1).split('/')]]).toContainEqual(
        await understood(() => agent.fileData(path)),
      )
    }),
    { numRuns: 200 },
  )
})

test('a mesh name is refused, or arrives as it is', async () => {
  await fc.assert(
    fc.asyncProperty(anyName, async mesh => {
      const other = agentAt(`${server.url}/behind/a%20proxy`, { mesh }).agent
      expect([null, [...PREFIX, mesh]]).toContainEqual(await understood(() => other.mesh()))
      await other.close()
    }),
    { numRuns: 50 },
  )
})

test.each(['', '.', '..', 'a/b', 'a#b', 'a?b', 'a\u0000b', 'a\nb', '\u007f', '\u0085', '\ud800', 'a\udc00b'])(
  'the name %j is refused in every place',
  async name => {
    const before = server.requests.length
    const key = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'
    const calls = [
      agent.messages(peerChat(name), 0),
      agent.post(peerChat(name), 'x'),
      agent.messages(groupChat('bob', name), 0),
      agent.group(name, 'g'),
      agent.group('bob', name),
      agent.setGroup('bob', 'g', { members: ['alice', name] }),
      agent.issuePermit(name, key),
      agent.downloadFile(name, 'ff', 9),
      agent.fileData(`/apps/${name === 'a/b' ? '/' : name}`),
      agentAt(server.url, { mesh: name }).agent.mesh(),
    ]

    expect((await Promise.all(calls.map(errorOf))).map(error => error.name)).toEqual(calls.map(() => 'UnsafeName'))
    expect(server.requests.length).toBe(before)
  },
)

test.each(['alice', 'no such user', '100%', '张三', 'a+b', '"', '...', 'a.b', 'tab-less', '%2e%2e', '😀'])(
  'the name %j is sent',
  async name => {
    expect(await understood(() => agent.group(name, 'g'))).toEqual([...APP, 'groups', name, 'g'])
  },
)

test('a refused name is shown in a sentence, with what is wrong about it', async () => {
  expect((await errorOf(agent.group('bob', 'a/b'))).message).toBe(
    'The group id "a/b" contains "/", "#" or "?"; nothing was sent, correct the name.',
  )
  expect((await errorOf(agent.group('b\u0000b', 'g'))).message).toContain('The creator name "b\\u{0}b" contains a control character')
  expect((await errorOf(agent.fileData('apps/x'))).message).toContain('does not begin with "/"')
})

test('a display name may hold what a path may not, save what spoils the file it is written to', async () => {
  expect(await understood(() => agent.setGroup('bob', 'g', { name: 'R&D / 50% #1?' }))).not.toBeNull()
  expect(await understood(() => agent.setGroup('bob', 'g', { name: 'bell\u0007' }))).toBeNull()
})

test('times go out as whole milliseconds, and what is no time asks for everything', async () => {
  const sinceOf = async (sinceMs: number) => {
    await agent.messages(peerChat('alice'), sinceMs)
    return server.requests.at(-1)!.url.split('?')[1]
  }
  expect([await sinceOf(1_795_462_349_270.9), await sinceOf(0), await sinceOf(-5), await sinceOf(Number.NaN)]).toEqual([
    'since=1795462349270',
    'since=0',
    'since=0',
    'since=0',
  ])
})

test('a base URL that is none is refused at once, with its setting', () => {
  for (const url of ['', 'localhost:7777', 'ftp://localhost']) expect(() => agentAt(url)).toThrow('agentUrl is no http or https URL')
})

test('user info and the query of a base URL appear neither in requests nor in sentences', async () => {
  const { agent: other } = agentAt(server.url.replace('http://', 'http://user:secret@').concat('?token=secret'))
  const error = await errorOf(other.version())
  await other.close()

  expect(server.requests.at(-1)?.url).toBe('/api/version')
  expect(error.message).not.toContain('secret')
})
