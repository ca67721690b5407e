/** Asks a program: the request as JSON on its standard input, the answer on its standard output. One process for each attempt. */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { ResponderFailed } from '../../domain/errors.ts'
import type { DispatchRequest, Responder } from '../../ports/responder.ts'
import { ANSWER_BYTES_MAX, answerOf, requestBody, withoutMessage } from './request-body.ts'

/** Of what a program writes to standard error the end is kept: its last line says why it failed. */
const STDERR_BYTES_KEPT = 8_192
const LINE_CHARACTERS_MAX = 300
/** A program that has ended may have left its output open to others; what was written by then counts. */
const LAST_OUTPUT_MS = 1_000

export interface ExecResponder extends Responder {
  /** Ends every process under way at once, with all that they have started. */
  kill(): void
}

/** A path and nothing that a shell would make something else of. */
const PLAIN_PATH = /^[\w.@+/-]*\/[\w.@+-]+$/

/** Why no message can be answered with this command, as far as that shows before the first; null when nothing shows. */
export function execFault(command: string): string | null {
  const [program = ''] = command.split(/\s+/)
  if (!PLAIN_PATH.test(program)) return null
  try {
    accessSync(program, constants.X_OK)
    return null
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return `${program} does not exist; write it, or correct the path`
    return code === 'EACCES' ? `${program} may not be executed by this user; chmod +x ${program} lets them` : null
  }
}

export function createExecResponder(command: string): ExecResponder {
  const running = new Set<ChildProcess>()
  return {
    async respond(request, _turn, signal) {
      // A process group of its own: so it can be ended with all its children, and Ctrl-C on the terminal does not reach it.
      const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe', detached: true })
      running.add(child)
      try {
        return await talk(child, request, signal, programOf(command))
      } finally {
        running.delete(child)
      }
    },
    kill() {
      for (const child of running) killGroup(child)
    },
  }
}

function talk(child: ChildProcess, request: DispatchRequest, signal: AbortSignal, program: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const output: Buffer[] = []
    let bytes = 0
    let errors = Buffer.alloc(0)
    let outcome: { code: number | null; by: string | null } | null = null
    let lastOutput: NodeJS.Timeout | undefined

    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort)
      clearTimeout(lastOutput)
      child.removeAllListeners('close')
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.stdin?.destroy()
      finish()
    }
    const fail = (reason: string) => settle(() => reject(new ResponderFailed(`exec:${program} ${reason}`)))
    const onAbort = () => {
      killGroup(child)
      fail('was ended: its time was over, or the runner stops.')
    }
    const finish = () => {
      if (outcome === null) return
      if (outcome.code === 0) return settle(() => resolve(answerOf(Buffer.concat(output).toString('utf8'))))
      const how = outcome.by === null ? `failed with exit code ${outcome.code}` : `was ended by ${outcome.by}`
      const line = withoutMessage(lastLine(errors.toString('utf8')), request)
      fail(line === '' ? `${how} and wrote nothing to standard error.` : `${how}: ${line}`)
    }

    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    child.once('error', error => fail(`cannot be started (${error.message}); is the command right?`))
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= ANSWER_BYTES_MAX) output.push(chunk)
      else {
        killGroup(child)
        fail(`wrote more than ${ANSWER_BYTES_MAX} bytes; an answer has at most that many.`)
      }
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = Buffer.concat([errors, chunk]).subarray(-STDERR_BYTES_KEPT)
    })
    child.once('exit', (code, by) => {
      outcome = { code, by }
      lastOutput = setTimeout(finish, LAST_OUTPUT_MS)
    })
    child.once('close', finish)
    // A program need not read its input.
    child.stdin?.on('error', () => {})
    child.stdin?.end(requestBody(request))
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

/** The rest of a command line may hold keys and tokens. */
function programOf(command: string): string {
  const [program = '', ...rest] = command.replace(/^(\w+=\S*\s+)+/, '').split(/\s+/)
  return rest.length === 0 ? program : `${program} …`
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim().slice(0, LINE_CHARACTERS_MAX) ?? ''
