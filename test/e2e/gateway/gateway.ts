import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { z } from 'zod'
import { until } from './until.ts'

/** OpenClaw and all that it depends on. */
export const HOST_FOLDER = join(import.meta.dirname, 'node_modules')
const HOST = join(HOST_FOLDER, 'openclaw', 'openclaw.mjs')
const WATCHMAN = join(import.meta.dirname, 'watchman.ts')
/** A cold start compiles some 900 MB of JavaScript: 20 to 70 s on two shared cores. */
const READY_MS_MAX = 180_000
/** Of a gateway that a busy machine has kept from starting. */
const STARTS_MAX = 3
/** The gateway drains its accounts before it ends. */
const STOP_MS_MAX = 60_000
/** One command loads the host anew; an install fetches the plugin's dependencies, too. */
const COMMAND_MS_MAX = 180_000

/** Told that it runs under a test runner, the host prints nothing; and nothing may lead it to a user's own OpenClaw. */
const NOT_FOR_THE_HOST = /^(?:NODE_ENV$|NODE_OPTIONS$|TEST$|VITEST|OPENCLAW_|npm_)/

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A real OpenClaw with a home, a config, a port and a log of its own. Nothing of the user's is read or written. */
export interface Gateway {
  readonly stateDir: string
  readonly port: number
  /** The assistant's own folder: what it may send files from. */
  readonly workspace: string
  /** Adds top-level sections to the config file, or replaces them; what the host wrote itself (installed plugins) stays. */
  configure(sections: Readonly<Record<string, unknown>>): Promise<void>
  /** Resolves when the gateway says that it is ready; it runs already: at once. The words are for Node. */
  start(...nodeWords: readonly string[]): Promise<void>
  stop(): Promise<void>
  /** As a power cut: no goodbye. */
  kill(): Promise<void>
  /** Runs one `openclaw` command to its end, whatever its exit code. */
  run(...words: readonly string[]): Promise<Output>
  /** As `run`, but a failure is thrown with all that the command printed. */
  must(...words: readonly string[]): Promise<Output>
  /** Everything the gateway logged so far. */
  log(): Promise<string>
  /** Stops it and removes its home. */
  dispose(): Promise<void>
}

export async function createGateway(): Promise<Gateway> {
  if (!existsSync(HOST)) throw new Error(`There is no OpenClaw in ${import.meta.dirname}; run npm ci there first.`)
  const home = await mkdtemp(join(tmpdir(), 'ztm-chat-gateway-'))
  const watchman = spawn(process.execPath, [WATCHMAN], { stdio: ['pipe', 'inherit', 'inherit'], detached: true })
  watchman.stdin.write(`drop ${home}\n`)
  const stateDir = join(home, 'state')
  const configPath = join(home, 'openclaw.json')
  const logPath = join(home, 'gateway.log')
  const port = await freePort()
  const token = 'not-a-secret'
  const workspace = join(stateDir, 'workspace')
  await mkdir(workspace, { recursive: true })
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_FOR_THE_HOST.test(name))),
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: home,
    OPENCLAW_HOME: home,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_CONFIG_PATH: configPath,
    OPENCLAW_GATEWAY_PORT: String(port),
    OPENCLAW_GATEWAY_TOKEN: token,
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_DISABLE_BONJOUR: '1',
    OPENCLAW_NO_RESPAWN: '1',
    NO_COLOR: '1',
  }
  let child: ChildProcess | null = null
  let console = ''

  const start = async (...nodeWords: readonly string[]) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startOnce(nodeWords)
      } catch (error) {
        // The host gives its own threads 5 s at a start, which a busy machine may not have.
        if (attempt === STARTS_MAX || !String(error).includes('state lease heartbeat did not become ready')) throw error
      }
    }
  }

  const startOnce = async (nodeWords: readonly string[]) => {
    if (child !== null && child.exitCode === null && child.signalCode === null) return
    const started = spawn(process.execPath, [...nodeWords, HOST, 'gateway', 'run', '--port', String(port)], {
      env,
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    watchman.stdin.write(`pid ${started.pid}\n`)
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        console += text
      })
    }
    await until(
      'the gateway is ready',
      async () => {
        if (started.exitCode !== null) throw new Error(`The gateway ended with code ${started.exitCode}:\n${console.slice(-4_000)}`)
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
        return answer?.ok === true
      },
      READY_MS_MAX,
    )
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const running = child
    child = null
    if (running === null || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise<void>(resolve => running.once('exit', () => resolve()))
    running.kill(signal)
    const deadline = setTimeout(() => running.kill('SIGKILL'), STOP_MS_MAX)
    await ended
    watchman.stdin.write('pid 0\n')
    clearTimeout(deadline)
  }

  const run = (...words: readonly string[]) =>
    new Promise<Output>((resolve, reject) => {
      const command = spawn(process.execPath, [HOST, ...words], {
        env,
        cwd: home,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: COMMAND_MS_MAX,
      })
      let stdout = ''
      let stderr = ''
      command.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
      })
      command.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
      })
      command.once('error', reject)
      command.once('close', code => resolve({ code: code ?? -1, stdout, stderr }))
    })

  /** The log as far as it was read: it grows to megabytes, and is asked for many times a second. */
  let lines = ''
  let readBytes = 0
  const logged = async () => {
    if (!existsSync(logPath)) return lines
    const file = await open(logPath)
    try {
      const from = readBytes
      const more = Buffer.alloc((await file.stat()).size - from)
      const { bytesRead } = await file.read(more, 0, more.length, from)
      const end = more.subarray(0, bytesRead).lastIndexOf('\n') + 1
      // Somebody else may have asked at the same time.
      if (readBytes === from) {
        lines += more.toString('utf8', 0, end)
        readBytes += end
      }
    } finally {
      await file.close()
    }
    return lines
  }

  const config = async () =>
    existsSync(configPath) ? z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(configPath, 'utf8'))) : {}

  return {
    stateDir,
    port,
    workspace,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    run,
    async configure(sections) {
      const present = await config()
      const own = {
        gateway: { mode: 'local', bind: 'loopback', port, auth: { mode: 'token', token } },
        logging: { file: logPath, level: 'debug' },
      }
      await writeFile(configPath, JSON.stringify({ ...present, ...own, ...sections }, null, 2))
    },
    async must(...words) {
      const output = await run(...words)
      if (output.code !== 0) throw new Error(`openclaw ${words.join(' ')} ended with ${output.code}:\n${output.stdout}\n${output.stderr}`)
      return output
    },
    log: async () => `${console}\n${await logged()}`,
    async dispose() {
      await end('SIGTERM')
      const gone = new Promise<void>(resolve => watchman.once('exit', () => resolve()))
      watchman.stdin.end()
      await gone
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
