/** The state directory: can a runner live there, does one, and is what lies there whole? */

import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { accountFolder } from '../../adapters/store/account-store.ts'
import { lookForDamage } from '../../adapters/store/damage.ts'
import { lockHolder } from '../../adapters/store/lock.ts'
import { sentenceOf } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { shownName } from '../../domain/shown.ts'
import { askRunner } from '../control/client.ts'
import type { RunningStatus } from '../control/protocol.ts'
import { counted } from '../output.ts'
import { shellWord } from '../shell-word.ts'
import { stateDirFault } from '../state-dir.ts'
import { type Finding, findingsOf } from './finding.ts'

const MIB = 1_048_576
/** Below this a runner can hardly fold its journal. */
const FREE_BYTES_MIN = 64 * MIB
/** Below this somebody should know. */
const FREE_BYTES_LOW = 512 * MIB
const OTHERS = 0o077
/** What we keep there, the plugin's file with its address, and what a file system has in its uppermost folder. */
const OWN: readonly string[] = ['accounts', 'lock.db', 'lock.json', 'control.sock', 'inspector-url', 'lost+found']
const OWN_FOLDER = 'Stop the bot, move accounts, if it is there, to a folder of its own, and name that with --state-dir.'

export type StateLook = { readonly findings: readonly Finding[]; readonly isRunning: boolean }

/** Bytes that this user may still write at an existing path. */
const freeAt = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

export async function lookAtStateDir(stateDir: string, freeBytes: (path: string) => Promise<number> = freeAt): Promise<readonly Finding[]> {
  const { ok, warning, problem } = findingsOf(null)
  const fault = stateDirFault(stateDir)
  if (fault !== null) return [problem('state directory', fault)]
  const folder = await nearestFolder(resolve(stateDir))
  const isThere = folder === resolve(stateDir)
  const mayWrite = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!mayWrite) {
    const remedy = `Make ${folder} belong to this user, or name another with --state-dir.`
    return [problem('state directory', `This user may not write to ${folder}.`, remedy), ...(await spaceFindings(folder, freeBytes))]
  }
  const words = isThere ? `${stateDir} is there, and this user may write to it.` : `${stateDir} does not exist yet; the first run makes it.`
  const others = isThere ? (await readdir(folder)).filter(name => !OWN.includes(name)).sort() : []
  const [faults, space] = [isThere ? await rightsFindings(stateDir, others.length > 0) : [], await spaceFindings(folder, freeBytes)]
  if (faults.length > 0) return [...faults, ...space]
  if (others.length === 0) return [ok('state directory', words), ...space]
  const more = others.length > 1 ? ` and ${others.length - 1} more` : ''
  const message = `${stateDir} also holds what is not the bot's: ${shownName(others[0] ?? '')}${more}.`
  return [warning('state directory', message, OWN_FOLDER), ...space]
}

/** The folder itself, or the one in which it would be made. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  return found !== null || dirname(path) === path ? path : nearestFolder(dirname(path))
}

/** What is shared with others keeps its rights: they may need them. */
async function rightsFindings(stateDir: string, isShared: boolean): Promise<readonly Finding[]> {
  const { problem } = findingsOf(null)
  const { mode, uid } = await stat(stateDir)
  const me = process.getuid?.()
  if (me === undefined) return []
  if (uid !== me) {
    const message = `${stateDir} belongs to another user (${uid}), not to this one (${me}).`
    const remedy = 'Look at it, and run the bot, as its owner; or make it belong to this user (chown -R).'
    return [problem('state directory', message, isShared ? OWN_FOLDER : remedy)]
  }
  if ((mode & OTHERS) === 0) return []
  const message = `Others than its owner have rights to ${stateDir} (mode ${(mode & 0o777).toString(8)}): messages are in it.`
  return [problem('state directory', message, isShared ? OWN_FOLDER : `chmod 700 ${shellWord(stateDir)}`)]
}

async function spaceFindings(folder: string, freeBytes: (path: string) => Promise<number>): Promise<readonly Finding[]> {
  const { ok, warning, problem } = findingsOf(null)
  const free = await freeBytes(folder)
  const message = `The disk of ${folder} has ${Math.floor(free / MIB)} MiB left.`
  const remedy = 'Make room: without it nothing is answered, since nothing can be recorded.'
  if (free < FREE_BYTES_MIN) return [problem('state directory', message, remedy)]
  return [free < FREE_BYTES_LOW ? warning('state directory', message, remedy) : ok('state directory', message)]
}

/** Who runs with this state, and how it is with that runner. */
export async function lookAtRunner(stateDir: string): Promise<StateLook> {
  const { ok, problem } = findingsOf(null)
  if (stateDirFault(stateDir) !== null) return { findings: [], isRunning: false }
  try {
    const status = await askRunner(stateDir, { do: 'status', account: null })
    if (status !== null) {
      const findings = [ok('runner', `Process ${status.pid} runs with this state.`), ...status.accounts.flatMap(accountFindings)]
      return { findings, isRunning: true }
    }
    const holder = await lockHolder(stateDir)
    if (holder === null) return { findings: [ok('runner', 'Nobody runs with this state, and it is free.')], isRunning: false }
    const message = `The state is in use by ${holder}, which cannot be asked how it is.`
    const remedy = 'Look again in a minute, since it may be starting; or look in the container or on the machine where it runs.'
    return { findings: [problem('runner', message, remedy)], isRunning: true }
  } catch (error) {
    return {
      findings: [problem('runner', sentenceOf(error), 'Look as the user of the runner; restart it when it gives no answer.')],
      isRunning: true,
    }
  }
}

function accountFindings({ account, state, reason, warnings, deadLetters, uncertain }: RunningStatus): readonly Finding[] {
  const { ok, warning, problem } = findingsOf(account)
  const isWell = state === 'live'
  const isStarting = reason === null && (state === 'connecting' || state === 'joining' || state === 'idle')
  return [
    isWell || isStarting
      ? ok('runner', `The account is ${state}.`)
      : problem('runner', `The account is ${state}${reason === null ? '' : `: ${reason}`}`, null),
    ...warnings.map(message => warning('runner', message)),
    ...(deadLetters > 0
      ? [
          warning(
            'runner',
            `There ${deadLetters === 1 ? 'is' : 'are'} ${counted(deadLetters, 'dead letter')}.`,
            '"ztm-chat deadletter list" shows why.',
          ),
        ]
      : []),
    ...(uncertain > 0
      ? [
          warning(
            'runner',
            `${counted(uncertain, 'reply is', 'replies are')} neither confirmed nor proven lost.`,
            'They are looked for again, and posted again after a while.',
          ),
        ]
      : []),
  ]
}

/** Of an account at rest: one that runs tells its own damage. */
export async function lookAtState(stateDir: string, { id }: AccountSettings): Promise<readonly Finding[]> {
  const { ok, warning, problem } = findingsOf(id)
  const folder = join(stateDir, 'accounts', accountFolder(id))
  if ((await stat(folder).catch(() => null)) === null) return [ok('state', 'The account has never run with this state directory.')]
  try {
    const { found, setAside } = await lookForDamage(stateDir, id)
    const remedy = 'What can be read is used all the same; if there is a backup, put it back before the next start.'
    return [
      ...(found.length === 0 ? [ok('state', 'What was recorded can be read.')] : []),
      ...found.map(sentence => problem('state', `The state is damaged; the next start will say: ${sentence}`, remedy)),
      ...(setAside > 0
        ? [
            warning(
              'state',
              `${counted(setAside, 'damaged file')} of earlier starts ${setAside === 1 ? 'lies' : 'lie'} in ${join(folder, 'damaged')}.`,
              'Nothing uses them any more: keep them for whoever can read them, or remove them.',
            ),
          ]
        : []),
    ]
  } catch (error) {
    return [problem('state', sentenceOf(error), 'See to the files, or name another --state-dir.')]
  }
}
