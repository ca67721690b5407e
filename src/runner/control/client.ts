import { existsSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { StoreUnusable } from '../../domain/errors.ts'
import { linesOf } from './lines.ts'
import {
  ANSWER_BYTES_MAX,
  answerSchema,
  CONTROL_VERSION,
  ControlRefused,
  type ControlRequest,
  type ControlResults,
  ControlSilent,
} from './protocol.ts'
import { controlSocketPath } from './socket-path.ts'

/** A runner answers at once, or after one write to the disk. */
const ANSWER_WITHIN_MS = 15_000

/**
 * Asks the runner that owns this state directory; null when none runs.
 * @throws {ControlRefused} with the runner's own sentence; {ControlSilent} when none came.
 */
export async function askRunner<Name extends ControlRequest['do']>(
  stateDir: string,
  request: Extract<ControlRequest, { do: Name }>,
): Promise<ControlResults[Name] | null> {
  if (!existsSync(stateDir)) return null
  const path = await controlSocketPath(stateDir)
  const socket = await connect(path)
  if (socket === null) return null
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('no answer in time')))
  try {
    socket.write(`${JSON.stringify({ v: CONTROL_VERSION, ...request })}\n`)
    for await (const line of linesOf(socket, ANSWER_BYTES_MAX)) {
      const answer = answerSchema.parse(JSON.parse(line))
      if (!answer.ok) throw new ControlRefused(answer.error)
      // Both ends are this code, and the version says so.
      return answer.result as ControlResults[Name]
    }
    throw new Error('it hung up')
  } catch (cause) {
    if (cause instanceof ControlRefused) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ControlSilent(`The runner behind ${path} gave no usable answer (${reason}); is it well, and of this version?`, { cause })
  } finally {
    socket.destroy()
  }
}

function connect(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', error => {
      const code = 'code' in error ? error.code : ''
      // No file, or one that nobody listens on any more.
      if (code === 'ENOENT' || code === 'ECONNREFUSED') resolve(null)
      else
        reject(
          new StoreUnusable(`The control socket ${path} cannot be opened (${code}); run this as the user of the runner.`, false, {
            cause: error,
          }),
        )
    })
  })
}
