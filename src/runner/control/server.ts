/** The control socket of a running runner. Whoever may open it may command the bot, so only its user may. */
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import { makeFolders } from '../../adapters/store/make-folders.ts'
import { linesOf } from './lines.ts'
import { CONTROL_VERSION, type Control, envelopeSchema, REQUEST_BYTES_MAX, requestSchema } from './protocol.ts'
import { controlSocketPath } from './socket-path.ts'

const CONNECTIONS_MAX = 32
/** A client that says nothing for so long is gone. */
const IDLE_MS = 60_000

export interface ControlServer {
  readonly path: string
  close(): Promise<void>
}

export async function serveControl(stateDir: string, control: Control): Promise<ControlServer> {
  await makeFolders(stateDir)
  const path = await controlSocketPath(stateDir)
  // Left behind by a runner that was killed: the accounts' locks say that none runs.
  await rm(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    converse(socket, control).catch(() => socket.destroy())
  })
  server.maxConnections = CONNECTIONS_MAX
  await listen(server, path)
  return {
    path,
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
      await rm(path, { force: true })
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  // Mode 0600 from its first moment on.
  const before = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } finally {
    process.umask(before)
  }
}

async function converse(socket: Socket, control: Control): Promise<void> {
  for await (const line of linesOf(socket, REQUEST_BYTES_MAX)) {
    const answer = await answerTo(line, control)
    socket.write(`${JSON.stringify({ v: CONTROL_VERSION, ...answer })}\n`)
  }
  socket.end()
}

type Answer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: string }

async function answerTo(line: string, control: Control): Promise<Answer> {
  try {
    const value: unknown = JSON.parse(line)
    const { v } = envelopeSchema.parse(value)
    if (v !== CONTROL_VERSION) {
      return {
        ok: false,
        error: `The running runner speaks version ${CONTROL_VERSION} of the control protocol, not ${v}; use its own ztm-chat.`,
      }
    }
    return { ok: true, result: await control(requestSchema.parse(value)) }
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      return { ok: false, error: 'The running runner does not know this request; use the same version of ztm-chat as it.' }
    }
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}
