/** A fleet in processes of its own: an engine, services and feeders, each of which may be killed, and begun again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'undici'
import { engineBinary } from './engine-binary.ts'

const CLI = join(import.meta.dirname, '../../../dist/src/runner/cli.js')
export const SECRET = 'not-a-secret-of-anybody'
const STARTS_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 100

export type Kind = 'engine' | 'service' | 'feeder'

export interface Fleet {
  /** Of the engine, both. */
  readonly ingress: string
  readonly admin: string
  start(kind: Kind, index?: number): Promise<void>
  /** At once, as when its machine dies. */
  kill(kind: Kind, index?: number): Promise<void>
  signal(kind: Kind, index: number, signal: NodeJS.Signals): void
  /** As an operator stops it. */
  stop(kind: Kind, index?: number): Promise<void>
  /** Rows of the engine's own tables. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  pid(kind: Kind, index?: number): number
  /** What the engine keeps. */
  readonly engineFolder: string
  /** `ztm-chat ARGS` about this fleet, with JSON on its standard output; ended with it. */
  command(...args: readonly string[]): ChildProcess
  /** What it has said so far, for whoever looks into a failure. */
  readonly logs: string
  dispose(): Promise<void>
}

export type FleetOptions = {
  readonly config: Readonly<Record<string, unknown>>
  readonly responder?: string
  /** The engine signs what it asks of services, and they serve nobody else. */
  readonly isSigned?: boolean
  readonly onLine?: (who: string, line: string) => void
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  return address.port
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** What the engine signs with, and what services know it by. */
async function engineKeys(file: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const bytes = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  let digits = ''
  for (let rest = BigInt(`0x${bytes.toString('hex')}`); rest > 0n; rest /= 58n) digits = BASE58[Number(rest % 58n)] + digits
  const zeros = bytes.findIndex(byte => byte > 0)
  return {
    ofEngine: { RESTATE_REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE: file },
    ofServices: { ZTM_CHAT_ENGINE_KEYS: `publickeyv1_${'1'.repeat(zeros)}${digits}` },
  }
}

export async function createFleet({ config, responder = 'echo', isSigned = false, onLine = () => {} }: FleetOptions): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-fleet-'))
  const signing = isSigned ? await engineKeys(join(folder, 'engine.pem')) : { ofEngine: {}, ofServices: {} }
  const configFile = join(folder, 'config.json')
  await writeFile(configFile, JSON.stringify(config))
  const [ingressPort, adminPort, nodePort, servicePort] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const [ingress, admin] = [`http://127.0.0.1:${ingressPort}`, `http://127.0.0.1:${adminPort}`]
  const running = new Map<string, ChildProcess>()
  const nameOf = (kind: Kind, index: number) => (kind === 'engine' ? kind : `${kind} ${index + 1}`)

  /** Two share an address; any other is a deployment of its own, as the next release is. */
  const placeOf = (index: number) => (index < 2 ? ['--reuse-port', '--listen', `127.0.0.1:${servicePort}`] : ['--listen', '127.0.0.1:0'])
  const commandOf = (kind: Kind, index: number): readonly [string, readonly string[], Readonly<Record<string, string>>] => {
    if (kind === 'engine')
      return [
        engineBinary(),
        ['--no-logo', '--node-name', 'fleet', '--base-dir', join(folder, 'engine')],
        {
          ...signing.ofEngine,
          RESTATE_DISABLE_TELEMETRY: 'true',
          RESTATE_LOG_FILTER: 'warn',
          RESTATE_DEFAULT_NUM_PARTITIONS: '2',
          RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE: '512MB',
          RESTATE_BIND_ADDRESS: `127.0.0.1:${nodePort}`,
          RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingressPort}`,
          RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${adminPort}`,
        },
      ]
    const common = ['--config', configFile, '--json']
    const args =
      kind === 'service'
        ? ['serve', ...common, ...placeOf(index), '--admin', admin, '--responder', responder]
        : ['feed', ...common, '--ingress', ingress, '--listen', '127.0.0.1:0']
    return [
      process.execPath,
      [CLI, ...args],
      { ...(process.env as Record<string, string>), ZTM_CHAT_CLUSTER_SECRET: SECRET, ...signing.ofServices },
    ]
  }

  const start = async (kind: Kind, index = 0): Promise<void> => {
    const name = nameOf(kind, index)
    const [command, args, env] = commandOf(kind, index)
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.set(name, child)
    const said = createWriteStream(join(folder, `${name.replace(' ', '-')}.log`), { flags: 'a' })
    let isReady = false
    let rest = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        said.write(chunk)
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          if (line.includes('"serving"') || line.includes('"feeding"')) isReady = true
          onLine(name, line)
        }
      })
    const deadline = performance.now() + STARTS_WITHIN_MS
    while (!(kind === 'engine' ? await isAdminThere() : isReady)) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${name} does not start; see ${folder}.`)
      await pause(LOOK_EVERY_MS)
    }
  }

  const ended = async (kind: Kind, index: number, signal: NodeJS.Signals): Promise<void> => {
    const name = nameOf(kind, index)
    const child = running.get(name)
    running.delete(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const over = new Promise(resolve => child.once('close', resolve))
    child.kill(signal)
    await over
  }

  const isAdminThere = () =>
    fetch(`${admin}/health`).then(
      answer => answer.ok,
      () => false,
    )

  const commands: ChildProcess[] = []
  const adminClient = new Client(admin)
  return {
    ingress,
    admin,
    start,
    kill: (kind, index = 0) => ended(kind, index, 'SIGKILL'),
    stop: (kind, index = 0) => ended(kind, index, 'SIGTERM'),
    signal(kind, index, signal) {
      running.get(nameOf(kind, index))?.kill(signal)
    },
    async query(sql) {
      const { statusCode, body } = await adminClient.request({
        method: 'POST',
        path: '/query',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ query: sql }),
      })
      const text = await body.text()
      if (statusCode !== 200) throw new Error(`${sql}: ${statusCode} ${text}`)
      return (JSON.parse(text) as { readonly rows: readonly Record<string, unknown>[] }).rows
    },
    pid: (kind, index = 0) => running.get(nameOf(kind, index))?.pid ?? 0,
    engineFolder: join(folder, 'engine'),
    command(...args) {
      const child = spawn(process.execPath, [CLI, ...args, '--config', configFile, '--admin', admin, '--ingress', ingress, '--json'], {
        cwd: folder,
        env: { ...process.env, ZTM_CHAT_CLUSTER_SECRET: SECRET },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      commands.push(child)
      return child
    },
    logs: folder,
    async dispose() {
      await adminClient.destroy()
      for (const child of commands) child.kill('SIGKILL')
      for (const name of [...running.keys()]) {
        const [kind, number] = name.split(' ')
        await ended(kind as Kind, Number(number ?? 1) - 1, 'SIGKILL')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}
