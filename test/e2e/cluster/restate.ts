/** A real Restate server: a process of its own, that listens on sockets in a folder of its own, for the length of a test. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEndpointHandler, type EndpointOptions } from '@restatedev/restate-sdk'
import { Client } from 'undici'
import { expect, onTestFinished } from 'vitest'
import { engineBinary } from './engine-binary.ts'

const NODE_NAME = 'test'
const STARTS_WITHIN_MS = 60_000

export interface Restate {
  /** POST to the ingress; resolves to the status and what was answered. */
  call(path: string, body: unknown, idempotencyKey?: string): Promise<{ readonly status: number; readonly body: unknown }>
  /** Rows of Restate's own tables. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  /** What Restate knows of a service. */
  described(service: string): Promise<unknown>
  /** So many invocations were carried out so far, by `SERVICE/HANDLER`. */
  readonly carriedOut: Readonly<Record<string, number>>
  /** Puts what an object keeps there, in place of what it has. */
  put(service: string, key: string, state: Readonly<Record<string, unknown>>): Promise<void>
  /** Ends an invocation by hand. */
  cancel(invocation: string): Promise<void>
  /** As if the process that carries out invocations had been started anew, with these. */
  serve(services: EndpointOptions['services']): void
  /** As if the process that carries out invocations had died: whatever runs there is asked for anew. */
  dropConnections(): void
}

export async function startRestate(services: EndpointOptions['services']): Promise<Restate> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-restate-'))
  const server = spawn(engineBinary(), ['--no-logo', '--node-name', NODE_NAME, '--base-dir', folder, '--listen-mode', 'unix'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'warn',
      RESTATE_DEFAULT_NUM_PARTITIONS: '2',
      // Whatever leaves to the server how often it is tried is paused at once.
      RESTATE_DEFAULT_RETRY_POLICY__MAX_ATTEMPTS: '1',
      RESTATE_DEFAULT_RETRY_POLICY__INITIAL_INTERVAL: '20ms',
      RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE: '256MB',
    },
  })
  let said = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', chunk => (said += String(chunk)))
  server.once('error', error => (said += error.message))
  const ended = new Promise<void>(resolve => server.once('close', () => resolve()))
  onTestFinished(async () => {
    server.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })

  const sessions = new Set<ServerHttp2Session>()
  const handlerOf = (served: EndpointOptions['services']) => createEndpointHandler({ services: served, logger: () => {} })
  let handler = handlerOf(services)
  const endpoint = createServer((request, response) => handler(request, response))
  const carriedOut: Record<string, number> = {}
  endpoint.on('stream', (_, { ':path': path = '' }) => {
    const [, what, service, handler] = path.split('/')
    if (what !== 'invoke') return
    const name = `${service}/${handler}`
    carriedOut[name] = (carriedOut[name] ?? 0) + 1
  })
  endpoint.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  await new Promise<void>(resolve => endpoint.listen(0, '127.0.0.1', resolve))
  const dropConnections = () => {
    for (const session of sessions) session.destroy()
  }
  onTestFinished(() => {
    dropConnections()
    endpoint.close()
  })

  const clientOf = (name: string) => {
    const client = new Client('http://localhost', { socketPath: join(folder, NODE_NAME, `${name}.sock`) })
    onTestFinished(() => client.destroy())
    return client
  }
  const [ingress, admin] = [clientOf('ingress'), clientOf('admin')]
  const post = async (client: Client, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await client.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text === '' ? null : (JSON.parse(text) as unknown) }
  }

  const { port } = endpoint.address() as AddressInfo
  const registered = async () => {
    if (server.exitCode !== null) throw new Error(`restate-server ended with ${server.exitCode}.\n${said}`)
    const answer = await post(admin, '/deployments', { uri: `http://127.0.0.1:${port}` }).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }))
    return answer
  }
  await expect
    .poll(registered, { timeout: STARTS_WITHIN_MS, interval: 200 })
    .toMatchObject({ status: 201 })
    .catch((error: unknown) => {
      throw new Error(`restate-server does not take the endpoint.\n${said}`, { cause: error })
    })

  return {
    call: (path, body, idempotencyKey) =>
      post(ingress, path, body, idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    async query(sql) {
      const { status, body } = await post(admin, '/query', { query: sql })
      if (status !== 200) throw new Error(`${sql}: ${status} ${JSON.stringify(body)}`)
      return (body as { readonly rows: readonly Record<string, unknown>[] }).rows
    },
    described: async service => (await (await admin.request({ method: 'GET', path: `/services/${service}` })).body.json()) as unknown,
    carriedOut,
    async put(service, key, state) {
      const bytes = Object.entries(state).map(([name, value]) => [name, [...Buffer.from(JSON.stringify(value))]])
      const { status, body } = await post(admin, `/services/${service}/state`, { object_key: key, new_state: Object.fromEntries(bytes) })
      if (status >= 300) throw new Error(`${service} ${key} is not put there: ${status} ${JSON.stringify(body)}`)
    },
    async cancel(invocation) {
      const { statusCode, body } = await admin.request({ method: 'PATCH', path: `/invocations/${invocation}/cancel` })
      if (statusCode >= 300) throw new Error(`${invocation} is not cancelled: ${statusCode} ${await body.text()}`)
      await body.dump()
    },
    serve(others) {
      handler = handlerOf(others)
    },
    dropConnections,
  }
}
