import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { loadConfigFile } from '../config-file.ts'
import { eventLine } from '../event-line.ts'
import { metricsTokenOf } from '../inspect.ts'
import { openLog, withoutTold } from '../open-log.ts'
import { complain, print, printJson, warn } from '../output.ts'
import { chooseResponder } from '../responders/choose.ts'
import { type Runner, startRunner } from '../start-runner.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type RunOptions = {
  readonly config: string
  readonly responder: string
  readonly model?: string
  readonly system?: string
  readonly stateDir: string
  readonly json: boolean
  /** A port; true = a free one. */
  readonly inspect?: number | true
}

/** After a signal a start that is still under way gets so long to come to its end. */
const START_ENDS_WITHIN_MS = 5_000

/** A real bot, until it is told to stop. */
export async function run({ config, responder, model, system, stateDir, json, inspect }: RunOptions): Promise<number> {
  const log = !json && process.stdout.isTTY && process.stderr.isTTY ? withoutTold(openLog()) : openLog()
  const chosen = chooseResponder(responder, { ...(model !== undefined && { model }), ...(system !== undefined && { system }) })
  const { accounts, defaultAccount, warnings, inspector } = await loadConfigFile(config)
  for (const warning of warnings) warn(warning)
  if (!accounts.some(account => account.enabled)) throw new UsageError(`${config} has no account that is enabled; set enabled: true.`)

  const tell = (event: RuntimeEvent) => {
    if (json) return printJson(event)
    const line = eventLine(event, { config, stateDir })
    if (line !== null) print(line)
  }
  const port = typeof inspect === 'number' ? inspect : inspector.port
  const inspectOptions = inspect !== undefined || inspector.enabled ? { port, metricsToken: metricsTokenOf(process.env) } : undefined
  const stopped = untilStopped(() => chosen.abandon())
  const starting = startRunner({
    accounts,
    defaultAccount,
    responder: chosen.responder,
    stateDir,
    log,
    onEvent: tell,
    inspect: inspectOptions,
  })
  const runner = await Promise.race([starting, stopped.then(signal => atMostFor(starting, signal))])
  if (runner.inspector) json ? printJson({ event: 'inspector', url: runner.inspector.url }) : print(`Inspector: ${runner.inspector.url}`)
  await stopped
  await runner.stop()
  await chosen.close()
  return 0
}

/** A start that hangs, on a disk that does not answer say, must not keep the process: whatever it leaves is what a kill would leave. */
function atMostFor(starting: Promise<Runner>, reason: string): Promise<Runner> {
  const over = setTimeout(() => {
    complain(`The start had not come to its end ${START_ENDS_WITHIN_MS / 1_000} s after ${reason}, and was cut off; is the disk well?`)
    process.exit(1)
  }, START_ENDS_WITHIN_MS)
  return starting.finally(() => clearTimeout(over))
}
