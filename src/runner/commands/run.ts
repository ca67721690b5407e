import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { loadConfigFile } from '../config-file.ts'
import { eventLine } from '../event-line.ts'
import { openLog } from '../open-log.ts'
import { print, printJson, warn } from '../output.ts'
import { chooseResponder } from '../responders/choose.ts'
import { startRunner } from '../start-runner.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type RunOptions = { readonly config: string; readonly responder: string; readonly stateDir: string; readonly json: boolean }

/** A real bot, until it is told to stop. */
export async function run({ config, responder, stateDir, json }: RunOptions): Promise<number> {
  const log = openLog()
  const chosen = chooseResponder(responder)
  const { accounts, defaultAccount, warnings } = await loadConfigFile(config)
  for (const warning of warnings) warn(warning)
  if (!accounts.some(account => account.enabled)) throw new UsageError(`${config} has no account that is enabled; set enabled: true.`)

  const tell = (event: RuntimeEvent) => {
    if (json) return printJson(event)
    const line = eventLine(event)
    if (line !== null) print(line)
  }
  const stopped = untilStopped(() => chosen.abandon())
  const runner = await startRunner({ accounts, defaultAccount, responder: chosen.responder, stateDir, log, onEvent: tell })
  await stopped
  await runner.stop()
  await chosen.close()
  return 0
}
