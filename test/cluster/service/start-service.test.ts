/** Who is served, and who is not. */
import { connect } from 'node:http2'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { startService } from '../../../src/cluster/service/start-service.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import { echoResponder } from '../../../src/runner/responders/echo.ts'

/** The status of a question that nobody has signed. */
async function unsigned(engineKeys: readonly string[]): Promise<unknown> {
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
  const stream = session.request({ ':path': '/discover', accept: 'application/vnd.restate.endpointmanifest.v4+json' })
  const status = await new Promise(resolve => stream.once('response', headers => resolve(headers[':status'])))
  stream.destroy()
  return status
}

test('with keys of the engine, whoever does not sign with one of them is not served; without, everybody is', async () => {
  expect(await unsigned(['publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f'])).toBe(401)
  expect(await unsigned([])).toBe(200)
})
