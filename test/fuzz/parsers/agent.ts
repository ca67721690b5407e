/** What the ZTM agent answers, on every route that it is asked on; and what a permit server, or a permit file, holds. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { createVirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createListingReader } from '../../../src/adapters/ztm/file-listing.ts'
import { usablePermit } from '../../../src/adapters/ztm/permit.ts'
import { fetchPermit } from '../../../src/adapters/ztm/permit-server.ts'
import type { Transport } from '../../../src/adapters/ztm/transport.ts'
import { createZtmAgent } from '../../../src/adapters/ztm/ztm-agent.ts'
import { groupChat, peerChat } from '../../../src/domain/ids.ts'
import type { ZtmAgent } from '../../../src/ports/ztm-agent.ts'
import { bytesOf, garbage, jsonText, jsonValue, latin1Of, nearly, nearlyValue, readAsJson } from '../inputs.ts'
import { isExpected, isSentence, valueOrExpected } from '../invariants.ts'
import { target } from '../target.ts'

type Exchange = { readonly request: { readonly path: string }; readonly response?: { readonly status: number; readonly body: string } }

const recorded = readFileSync(new URL('../../fixtures/ztm-exchanges.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Exchange)

const recordedAt = (path: RegExp): readonly string[] =>
  recorded.flatMap(({ request, response }) =>
    path.test(request.path) && response && response.status < 300 && response.body.length < 4_000 ? [response.body] : [],
  )

/** As the chat app does it: the bytes, then their number. */
const HASH_OF_X = createHash('sha256').update('x1').digest('hex')

type Given = { readonly status: number; readonly body: string; readonly cuts: readonly number[] }

/** Answers everything alike; a body that is read as it comes in comes in pieces. */
const answering = ({ status, body, cuts }: Given): Transport => ({
  async request({ onData }) {
    const bytes = bytesOf(body)
    if (!onData || status !== 200) return { status, headers: {}, body: bytes }
    const ends = [...cuts.map(cut => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b)
    let from = 0
    for (const end of ends) {
      if (!onData(bytes.subarray(from, end))) break
      from = end
    }
    return { status, headers: {}, body: new Uint8Array() }
  },
  close: async () => {},
})

const status = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(200, 201) },
  { weight: 1, arbitrary: fc.constantFrom(204, 301, 400, 401, 403, 404, 405, 500, 502, 503) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
)

const given = (good: readonly string[]): fc.Arbitrary<Given> =>
  fc.record({
    status,
    body: fc
      .oneof(
        { weight: 4, arbitrary: nearly(...good) },
        { weight: 4, arbitrary: nearlyValue(...good.map(readAsJson)) },
        { weight: 2, arbitrary: jsonText },
        { weight: 1, arbitrary: garbage },
      )
      .map(latin1Of),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  })

const isText = (value: unknown): void => assert.equal(typeof value, 'string')

function isTexts(values: readonly unknown[]): void {
  for (const value of values) isText(value)
}

/** What can be asked for: it is put into a path as it is. */
function isName(value: unknown): void {
  isText(value)
  assert.doesNotMatch(String(value), /^$|^\.{1,2}$|[/#?\p{Cc}]/u)
}

type Route = readonly [
  name: string,
  call: (agent: ZtmAgent) => Promise<unknown>,
  recordedPath: RegExp,
  holds: (value: never) => void,
  /** Where no recording is whole. */
  more?: readonly string[],
]

const PEM = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'

const ROUTES: readonly Route[] = [
  ['version', agent => agent.version(), /\/api\/version$/, ({ tag }: { tag: unknown }) => isText(tag)],
  ['identity', agent => agent.identity(), /\/api\/identity$/, (key: string) => assert.match(key, /^-----BEGIN /), [PEM]],
  ['meshes', agent => agent.meshes(), /\/api\/meshes$/, (all: unknown[]) => assert.ok(Array.isArray(all))],
  ['mesh', agent => agent.mesh(), /\/api\/meshes\/[^/]+$/, isMesh],
  ['join', agent => agent.join({ ca: 'x' }), /\/api\/meshes\/[^/]+$/, isMesh],
  ['leave', agent => agent.leave(), /\/api\/meshes\/[^/]+$/, () => {}],
  ['mesh log', agent => agent.meshLog(), /\/log$/, (all: { message: unknown }[]) => isTexts(all.map(({ message }) => message))],
  ['endpoints', agent => agent.endpoints(), /\/endpoints/, (all: { name: unknown }[]) => isTexts(all.map(({ name }) => name))],
  ['endpoint', agent => agent.endpoint('e'), /\/endpoints/, () => {}],
  ['permit of root', agent => agent.issuePermit('dave', PEM), /\/permits\//, ({ ca }: { ca: unknown }) => isText(ca)],
  ['file data', agent => agent.fileData('/apps/a.json'), /\/file-data\//, () => {}],
  ['app user', agent => agent.appUser(), /\/appinfo$/, isText],
  ['users', agent => agent.users(), /\/api\/users$/, isTexts],
  [
    'chats',
    agent => agent.chats(),
    /\/api\/chats$/,
    (all: readonly { chat: string; time: unknown; updated: unknown }[]) => {
      for (const { chat, time, updated } of all) {
        for (const name of chat.replace(/^(peer|group):/, '').split('/')) isName(name)
        assert.ok(Number.isFinite(time) && Number.isFinite(updated))
      }
    },
  ],
  ['messages of a peer', agent => agent.messages(peerChat('alice'), 5), /\/messages(\?|$)/, isMessages],
  ['messages of a group', agent => agent.messages(groupChat('alice', 'team'), 5), /\/groups\/.*\/messages/, isMessages],
  ['post', agent => agent.post(peerChat('alice'), { text: 'hi' }), /\/messages(\?|$)/, () => {}],
  [
    'group',
    agent => agent.group('alice', 'team'),
    /\/groups\/[^/]+\/[^/]+$/,
    (group: { members: unknown[] } | null) => isTexts(group?.members ?? []),
  ],
  ['change of a group', agent => agent.setGroup('alice', 'team', { name: 'x' }), /\/groups\/[^/]+\/[^/]+$/, () => {}],
  [
    'upload',
    agent => agent.uploadFile({ size: 1, chunks: [Buffer.from('x')] }),
    /\/files$/,
    (hash: string) => assert.match(hash, /^[0-9a-f]{64}$/),
    [HASH_OF_X, 'a'.repeat(64)],
  ],
  ['download', agent => agent.downloadFile('alice', 'ff', 1_000), /\/files\//, () => {}],
]

function isMesh(mesh: { name: unknown; errors: readonly { message: unknown }[] } | null): void {
  if (mesh === null) return
  isText(mesh.name)
  for (const { message } of mesh.errors) isText(message)
}

function isMessages(all: readonly { sender: unknown }[] | null): void {
  for (const { sender } of all ?? []) isText(sender)
}

/** A client of an agent that answers like this. What it finds odd is told in sentences. */
function clientOf(answer: Given): ZtmAgent {
  return createZtmAgent({
    baseUrl: 'http://localhost:7777',
    mesh: 'home',
    apiTimeoutMs: 30_000,
    limits: { listBytes: 1e9, fileBytes: 1e9, indexBytes: 1e9 },
    clock: createVirtualClock(0),
    transport: answering(answer),
    onOddity: (route, sentence) => [route, sentence].forEach(isSentence),
  })
}

const routes = ROUTES.map(([name, call, path, holds, more = []]) => {
  const good = [...recordedAt(path), ...more]
  assert.ok(good.length > 0, `nothing is recorded for ${name}`)
  return target({
    name: `agent: ${name}`,
    input: given(good),
    async check(answer) {
      const value = await valueOrExpected(() => call(clientOf(answer)))
      if (value !== null && value !== undefined) holds(value as never)
    },
  })
})

const FILES = [...recordedAt(/\/files\?since/), '{}', '{"/a/b.json":{"hash":"ff","size":3,"time":4,"since":5}}']

const files = target({
  name: 'agent: files',
  input: given(FILES),
  async check(answer) {
    const read = async (cuts: readonly number[]) => {
      const found: unknown[] = []
      const listed = await valueOrExpected(() =>
        clientOf({ ...answer, cuts }).files({ sinceMs: 0 }, file => {
          isText(file.path)
          isText(file.hash)
          assert.ok(Number.isFinite(file.size) && Number.isFinite(file.time))
          found.push(file)
        }),
      )
      return { listed, found }
    }
    // However it comes in, it says the same.
    assert.deepEqual(await read(answer.cuts), await read([]))
  },
})

const listing = target({
  name: 'agent: file listing, against JSON.parse',
  input: fc.oneof(nearly(...FILES), jsonText, garbage).map(latin1Of),
  check(body) {
    const paths: string[] = []
    const reader = createListingReader(
      () => true,
      path => paths.push(path),
    )
    reader.write(bytesOf(body))
    const fault = reader.end()
    // It takes some things that JSON.parse does not; what that takes it reads alike.
    const whole = readAsJson(new TextDecoder().decode(bytesOf(body)))
    if (typeof whole === 'object' && whole !== null && !Array.isArray(whole)) {
      assert.equal(fault, null)
      // The tokenizer takes a byte order mark for one wherever a text begins. No path begins so.
      const names = Object.keys(whole).map(name => name.replace(/^\ufeff/, ''))
      assert.deepEqual([...new Set(paths)].sort(), [...new Set(names)].sort())
    }
  },
})

const holder = { username: 'my-bot', publicKey: PEM, nowMs: 0 }
const PERMIT = { ca: 'CA', agent: { certificate: 'CERT', privateKey: 'planted', labels: [] }, bootstraps: ['hub:8888'] }

const permitServer = target({
  name: 'permit server',
  input: given([JSON.stringify(PERMIT)]),
  async check(answer) {
    const request = { url: 'https://permits.example/permit', username: 'my-bot', publicKey: PEM, timeoutMs: 30_000 }
    await assert.rejects(fetchPermit({ ...request, clock: createVirtualClock(0), transport: answering(answer) }), error => {
      isExpected(error)
      if (error.name === 'PermitUnusable') assert.ok(!error.message.includes('planted'))
      return true
    })
  },
})

const permit = target({
  name: 'permit',
  input: fc.oneof(nearlyValue(PERMIT).map(readAsJson), jsonValue),
  check(value) {
    assert.throws(
      () => usablePermit(value, 'The permit file /etc/permit.json', holder),
      error => {
        isExpected(error)
        return !error.message.includes('planted')
      },
    )
  },
})

export const agentTargets = [...routes, files, listing, permitServer, permit]
