/** A run of the command line: its exit code, and what each failure looks like. */
import { CommanderError } from 'commander'
import { ConfigInvalid, ZtmChatError } from '../domain/errors.ts'
import { commandLine } from './command-line.ts'
import { ControlRefused } from './control/protocol.ts'
import { complain, watchOutput } from './output.ts'
import { UsageError } from './usage-error.ts'

const OK = 0
const FAILED = 1
const USAGE = 2

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput()
  let code = OK
  try {
    await commandLine(done => {
      code = done
    }).parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    return explain(error, args.includes('--debug'))
  }
}

function explain(error: unknown, isDebug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE
  if (isDebug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  if (error instanceof ConfigInvalid) {
    for (const problem of error.problems) complain(problem)
    return USAGE
  }
  if (error instanceof UsageError) {
    complain(error.message)
    return USAGE
  }
  if (error instanceof ZtmChatError || error instanceof ControlRefused) complain(error.message)
  else complain(`Unexpected failure: ${error instanceof Error ? error.message : String(error)}; run it again with --debug to see where.`)
  return FAILED
}
