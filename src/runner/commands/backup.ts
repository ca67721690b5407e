import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { backUp } from '../../adapters/store/backup.ts'
import { counted, print, printJson, warn } from '../output.ts'
import { UsageError } from '../usage-error.ts'

export type BackupOptions = { readonly stateDir: string; readonly json: boolean }

const MIB = 1_048_576

/** Copies the state while the bot runs, or rests. */
export async function backup(folder: string, { stateDir, json }: BackupOptions): Promise<number> {
  const to = resolve(folder)
  if (existsSync(to)) throw new UsageError(`${to} is there already; name a folder that is to be made.`)
  if (!relative(resolve(stateDir), to).startsWith('..')) {
    throw new UsageError(`${to} lies in the state directory ${stateDir}; name a folder outside of it, best on another disk.`)
  }
  const accounts = await backUp(stateDir, to)
  if (accounts.length === 0) throw new UsageError(`There is no state in ${stateDir}; name another folder with --state-dir.`)
  const problems = accounts.flatMap(account => account.problems)
  if (json) printJson({ folder: to, accounts })
  else {
    const files = accounts.reduce((sum, account) => sum + account.files, 0)
    const mib = accounts.reduce((sum, account) => sum + account.bytes, 0) / MIB
    print(`The state of ${counted(accounts.length, 'account')} is in ${to} (${counted(files, 'file')}, ${mib.toFixed(1)} MiB).`)
    print(`To put it back, stop the bot, move ${resolve(stateDir)} away, and move the copy there.`)
  }
  for (const problem of problems) warn(problem)
  return problems.length === 0 ? 0 : 1
}
