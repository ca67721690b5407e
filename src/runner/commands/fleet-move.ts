import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { accountFolder } from '../../adapters/store/account-store.ts'
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { engineToken, engineUrl } from '../cluster-options.ts'
import { counted, print, printJson, warn } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export type MoveStateOptions = StateOptions & { readonly ingress: string; readonly admin: string }

/** Between two words about how far it has come. */
const TOLD_EVERY_MS = 1_000

/** Each account is moved as a whole; one that fails ends the command, and the same command goes on with it. 1: nothing was moved, or not all. */
export async function moveState(way: 'import' | 'export', options: MoveStateOptions): Promise<number> {
  const fleet = engineUrl('--ingress', options.ingress)
  const admin = engineUrl('--admin', options.admin)
  const token = engineToken(process.env)
  const { accounts, stateDir } = await atRestOf(options)
  const moving = way === 'import' ? accounts.filter(({ id }) => existsSync(join(stateDir, 'accounts', accountFolder(id)))) : accounts
  if (moving.length === 0) throw new UsageError(`There is no state of these accounts in ${stateDir}; name another folder with --state-dir.`)
  const { createEngine, exportState, importState, openTables } = await import('../../cluster/moving/index.ts')
  const engine = createEngine(fleet, token)
  const tables = openTables(admin, token)
  try {
    let [problems, done] = [0, 0]
    for (const settings of moving) {
      const job = { settings, stateDir, engine, tables, fleet, onProgress: progressOf(settings.id) }
      const moved = await (way === 'import' ? importState(job) : exportState(job))
      if (moved === null) {
        warn(`There is nothing of the account "${settings.id}" in the fleet at ${fleet}.`)
        continue
      }
      const { chats, requests } = moved
      for (const problem of moved.problems) warn(problem)
      problems += moved.problems.length
      done += 1
      if (options.json) printJson({ account: settings.id, way, chats, requests, problems: moved.problems })
      else print(`${sentenceOf(way, { chats, requests })} (account ${settings.id}).`)
    }
    return problems === 0 && done > 0 ? 0 : 1
  } finally {
    await engine.close()
    await tables.close()
  }
}

const sentenceOf = (way: 'import' | 'export', { chats, requests }: { readonly chats: number; readonly requests: number }): string =>
  `${counted(chats, 'chat')} and ${counted(requests, 'pairing request')} ${way === 'import' ? 'are in the fleet now' : 'are out of the fleet now'}`

/** For somebody who waits at a terminal. */
function progressOf(account: string): (done: number, of: number) => void {
  let toldAtMs = performance.now()
  return (done, of) => {
    if (process.stderr.isTTY !== true || performance.now() - toldAtMs < TOLD_EVERY_MS) return
    toldAtMs = performance.now()
    process.stderr.write(`${done} of ${of} (account ${account})\n`)
  }
}
