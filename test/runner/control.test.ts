import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askRunner } from '../../src/runner/control/client.ts'
import { type Control, ControlRefused, REQUEST_BYTES_MAX } from '../../src/runner/control/protocol.ts'
import { serveControl } from '../../src/runner/control/server.ts'

/** Says hello, lists nothing, and knows no code. */
const control: Control = async request => {
  if (request.do === 'hello') return { pid: 42 } as never
  if (request.do === 'pairing.list') return [] as never
  throw new ControlRefused('No.')
}

async function serve(...deeper: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-control-'))
  const stateDir = join(folder, ...deeper)
  const server = await serveControl(stateDir, control)
  onTestFinished(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })
  return { server, stateDir }
}

/** Everything that comes back for these bytes. */
const raw = (path: string, sent: string, { ends = true } = {}) =>
  new Promise<string>(resolve => {
    let got = ''
    const socket = createConnection(path)
    socket.on('data', chunk => {
      got += String(chunk)
    })
    socket.on('close', () => resolve(got))
    socket.on('error', () => {})
    if (ends) socket.end(sent)
    else socket.write(sent)
  })

test('nobody answers where nobody runs, and nothing is made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-control-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  expect(await askRunner(folder, { do: 'hello' })).toBeNull()
  expect(await askRunner(join(folder, 'nowhere'), { do: 'hello' })).toBeNull()
  expect(await askRunner(join(folder, 'nowhere-'.repeat(20)), { do: 'hello' })).toBeNull()
  await expect(stat(join(folder, 'nowhere'))).rejects.toThrow('ENOENT')
})

test('a request gets its result, or the sentence that says why not', async () => {
  const { stateDir } = await serve('state')
  expect(await askRunner(stateDir, { do: 'hello' })).toEqual({ pid: 42 })
  expect(await askRunner(stateDir, { do: 'pairing.list', account: null })).toEqual([])
  await expect(askRunner(stateDir, { do: 'pairing.approve', account: null, code: 'X' })).rejects.toThrow(new ControlRefused('No.'))
})

test('the socket and its folder are for this user only', async () => {
  const { server, stateDir } = await serve('state')
  expect(((await stat(server.path)).mode & 0o777).toString(8)).toBe('600')
  expect(((await stat(stateDir)).mode & 0o777).toString(8)).toBe('700')
})

test('a state directory with a path too long for a socket has its socket elsewhere, for this user only', async () => {
  const { server, stateDir } = await serve('a-long-name-'.repeat(12), 'state')
  expect(Buffer.byteLength(server.path)).toBeLessThanOrEqual(100)
  expect(((await stat(dirname(server.path))).mode & 0o777).toString(8)).toBe('700')
  expect(await askRunner(stateDir, { do: 'hello' })).toEqual({ pid: 42 })
})

test('what a killed runner left behind is in nobody’s way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-control-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  // A file where nobody listens: what a socket looks like after its process has gone.
  const path = JSON.stringify(join(folder, 'control.sock'))
  const program = `require('node:net').createServer().listen(${path}, () => process.kill(process.pid, 'SIGKILL'))`
  expect(spawnSync(process.execPath, ['-e', program]).signal).toBe('SIGKILL')
  expect(await askRunner(folder, { do: 'hello' })).toBeNull()

  const server = await serveControl(folder, control)
  expect(await askRunner(folder, { do: 'hello' })).toEqual({ pid: 42 })
  await server.close()
})

test('several requests in one connection are answered in order', async () => {
  const { server } = await serve('state')
  const hello = '{"v":1,"do":"hello"}\n'
  expect(await raw(server.path, hello + hello)).toBe('{"v":1,"ok":true,"result":{"pid":42}}\n'.repeat(2))
})

test.each([
  ['{"v":2,"do":"hello"}', 'The running runner speaks version 1 of the control protocol, not 2; use its own ztm-chat.'],
  ['{"v":1,"do":"dance"}', 'The running runner does not know this request; use the same version of ztm-chat as it.'],
  ['hello', 'The running runner does not know this request; use the same version of ztm-chat as it.'],
  ['null', 'The running runner does not know this request; use the same version of ztm-chat as it.'],
])('%s is refused with a sentence', async (line, error) => {
  const { server } = await serve('state')
  expect(JSON.parse(await raw(server.path, `${line}\n`))).toEqual({ v: 1, ok: false, error })
})

test('a line without end ends the connection, and the next client is served', async () => {
  const { server, stateDir } = await serve('state')
  expect(await raw(server.path, 'x'.repeat(REQUEST_BYTES_MAX + 70_000), { ends: false })).toBe('')
  expect(await askRunner(stateDir, { do: 'hello' })).toEqual({ pid: 42 })
})
