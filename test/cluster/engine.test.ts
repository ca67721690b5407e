/** What the engine's ingress is asked, and what its answers mean. */
import { errors } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { reasonOf } from '../../src/adapters/ztm/undici-transport.ts'
import { createEngine, EngineAway, EngineRefused } from '../../src/cluster/engine.ts'
import { closedPort, startServer } from '../adapters/ztm/local-server.ts'

async function answering(status: number, text: string, path = '') {
  const server = await startServer((_, response) => void response.writeHead(status).end(text))
  const engine = createEngine(server.url + path)
  onTestFinished(async () => {
    await engine.close()
    await server.close()
  })
  return { engine, server }
}
const failureOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => expect.unreachable(),
    error => error,
  )

test('what is asked goes to its object, each part of the place encoded, and the answer is what the object said', async () => {
  const { engine, server } = await answering(200, '{"taken":1}')

  expect(await engine.call(['chat', 'a/peer:al ice', 'receive'], { x: 1 })).toEqual({ taken: 1 })
  expect(server.requests[0]).toMatchObject({ method: 'POST', url: '/chat/a%2Fpeer%3Aal%20ice/receive', contentType: 'application/json' })
  expect(String(server.requests[0]!.body)).toBe('{"x":1}')
})

test('an answer without a body is null, and what is asked without an input has none', async () => {
  const { engine, server } = await answering(200, '')

  expect(await engine.call(['account', 'a', 'holder'], undefined)).toBeNull()
  expect(server.requests[0]).toMatchObject({ contentType: undefined })
})

test('a gate gets its token; without the right one it is away, and told what is wanted', async () => {
  const server = await startServer((_, response, { headers }) =>
    headers.authorization === 'Bearer let-me-in' ? void response.end('"in"') : void response.writeHead(401).end('who are you?'),
  )
  const [known, unknown] = [createEngine(server.url, 'let-me-in'), createEngine(server.url)]
  onTestFinished(async () => {
    await Promise.all([known.close(), unknown.close()])
    await server.close()
  })

  expect(await known.call(['fleet', 'all', 'join'], {})).toBe('in')
  const failure = await failureOf(unknown.call(['fleet', 'all', 'join'], {}))
  expect(failure).toBeInstanceOf(EngineAway)
  expect(failure).toMatchObject({
    message: `The engine at ${server.url} lets nobody in (401); give the token that it wants in the environment variable ZTM_CHAT_ENGINE_TOKEN.`,
  })
})

test('an ingress below a path of its gate is asked there', async () => {
  const { engine, server } = await answering(200, 'null', '/restate/')

  await engine.call(['fleet', 'all', 'join'], {})

  expect(server.requests[0]!.url).toBe('/restate/fleet/all/join')
})

test.each([400, 404, 409, 422])('%i is a refusal, with its status: it will not be done, however often it is asked', async status => {
  const { engine, server } = await answering(status, '{"message":"no"}')

  const failure = await failureOf(engine.call(['account', 'a', 'note'], {}))

  expect(failure).toBeInstanceOf(EngineRefused)
  expect(failure).toMatchObject({ status, message: `The engine at ${server.url} answers /account/a/note with ${status}: no`, reason: 'no' })
})

test.each([429, 500, 503, 202])('%i is no answer: it may be done later, or has been', async status => {
  const { engine, server } = await answering(status, 'busy')

  const failure = await failureOf(engine.call(['account', 'a', 'note'], {}))

  expect(failure).toBeInstanceOf(EngineAway)
  expect(failure).toMatchObject({ message: `The engine at ${server.url} answers /account/a/note with ${status}: busy` })
})

test('what says 200 and no JSON is no engine', async () => {
  const { engine, server } = await answering(200, '<html>')

  const failure = await failureOf(engine.call(['account', 'a', 'note'], {}))

  expect(failure).toBeInstanceOf(EngineAway)
  expect(failure).toMatchObject({
    message: `What answers /account/a/note at ${server.url} is no engine: it says "<html>", which is no JSON`,
  })
})

test('nobody there, and an answer that breaks off, are no answer, each told in one sentence', async () => {
  const url = await closedPort()
  const engine = createEngine(url)
  const server = await startServer((_, response) => response.destroy())
  const broken = createEngine(server.url)
  onTestFinished(async () => {
    await engine.close()
    await broken.close()
    await server.close()
  })

  const failures = await Promise.all([engine, broken].map(one => failureOf(one.call(['fleet', 'all', 'join'], {}))))

  expect(failures.every(failure => failure instanceof EngineAway)).toBe(true)
  expect(failures.map(failure => (failure as Error).message)).toEqual([
    `The engine at ${url} does not answer /fleet/all/join: connection refused`,
    `The engine at ${server.url} does not answer /fleet/all/join: connection closed`,
  ])
})

test('what is not answered in time is told without a word of the HTTP client', () => {
  expect(reasonOf(new errors.HeadersTimeoutError())).toBe('no answer in time')
  expect(reasonOf(new errors.BodyTimeoutError())).toBe('the answer did not come to its end in time')
})

test('whoever waits no more is told so, and nothing waits behind it', async () => {
  const server = await startServer(() => {})
  const engine = createEngine(server.url)
  onTestFinished(async () => {
    await engine.close()
    await server.close()
  })
  const patience = new AbortController()

  const failure = failureOf(engine.call(['fleet', 'all', 'renew'], {}, patience.signal))
  await server.seen(1)
  patience.abort()

  expect(await failure).toBeInstanceOf(EngineAway)
})
