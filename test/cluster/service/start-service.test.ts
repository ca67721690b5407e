/** Who is served, and who is not. */
import { once } from 'node:events'
import { type ClientHttp2Stream, connect, constants } from 'node:http2'
import { createConnection } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { startService } from '../../../src/cluster/service/start-service.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { echoResponder } from '../../../src/runner/responders/echo.ts'

async function open(engineKeys: readonly string[] = []) {
  const service = await startService({
    accounts: parseConfig({ meshName: 'home', username: 'my-bot' }).accounts,
    responder: echoResponder,
    host: '127.0.0.1',
    port: 0,
    secret: 'not-a-secret-of-anybody',
    engineKeys,
    clock: systemClock,
    log: createMemoryLog().log,
  })
  onTestFinished(() => service.stop(0))
  const session = connect(`http://127.0.0.1:${service.port}`)
  onTestFinished(() => session.destroy())
  return { service, session }
}
const statusOf = (stream: ClientHttp2Stream) => new Promise(resolve => stream.once('response', headers => resolve(headers[':status'])))

/** The status of a question that nobody has signed. */
async function unsigned(engineKeys: readonly string[]): Promise<unknown> {
  const { session } = await open(engineKeys)
  const stream = session.request({ ':path': '/discover', accept: 'application/vnd.restate.endpointmanifest.v4+json' })
  const status = await statusOf(stream)
  stream.destroy()
  return status
}

test('with keys of the engine, whoever does not sign with one of them is not served; without, everybody is', async () => {
  expect(await unsigned(['publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f'])).toBe(401)
  expect(await unsigned([])).toBe(200)
})

test('a service that stops waits for what is under way, and takes nothing new', async () => {
  const { service, session } = await open()
  const underWay = session.request({
    ':method': 'POST',
    ':path': '/invoke/chat/held',
    'content-type': 'application/vnd.restate.invocation.v5',
  })
  expect(await statusOf(underWay)).toBe(200)
  let isStopped = false
  const stopped = service.stop(60_000).then(() => {
    isStopped = true
  })
  await new Promise(resolve => session.once('goaway', resolve))
  await expect(once(createConnection(service.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED')
  expect([isStopped, underWay.closed]).toEqual([false, false])
  underWay.resume().end()
  await stopped

  expect(underWay.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
})
