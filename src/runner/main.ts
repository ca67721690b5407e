/** A run of the command line: its exit code, and what each failure looks like. */
import { CommanderError } from 'commander'
import { ConfigInvalid, ZtmChatError } from '../domain/errors.ts'
import { commandLine } from './command-line.ts'
import { ControlRefused } from './control/protocol.ts'
import { complain, watchOutput } from './output.ts'
import { type Place, typedIn } from './typed.ts'
import { UsageError } from './usage-error.ts'

const OK = 0
const FAILED = 1
const USAGE = 2

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let code = OK
  let isLost = false
  watchOutput(() => {
    isLost = true
    // It may be the very last line that could not be written.
    process.exitCode = FAILED
  })
  let place: Place = {}
  try {
    await commandLine(
      done => {
        code = done
      },
      called => {
        place = called
      },
    ).parseAsync(args, { from: 'user' })
    return isLost ? FAILED : code
  } catch (error) {
    return explain(error, place, args.includes('--debug'))
  }
}

function explain(error: unknown, place: Place, isDebug: boolean): number {
  const tell = (sentence: string) => complain(typedIn(sentence, place))
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE
  if (isDebug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  if (error instanceof ConfigInvalid) {
    for (const problem of error.problems) tell(problem)
    return USAGE
  }
  if (error instanceof UsageError) {
    tell(error.message)
    return USAGE
  }
  if (error instanceof ZtmChatError || error instanceof ControlRefused) tell(error.message)
  else complain(`Unexpected failure: ${error instanceof Error ? error.message : String(error)}; run it again with --debug to see where.`)
  return FAILED
}
