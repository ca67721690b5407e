/** A copy of a state directory, running or not: every account that has state in it, and nothing else of what lies there. */
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Copied, copyState } from './copy.ts'
import { lookInto } from './damage.ts'
import { codeOf, storeFailure } from './failures.ts'
import { makeFolders } from './make-folders.ts'
import { createNodeDisk } from './node-disk.ts'

export type BackedUp = Copied & {
  /** Name of the account's folder. */
  readonly account: string
  /** What a start from the copy would say is damaged. */
  readonly problems: readonly string[]
}

/** `to` does not exist before, and is whole and durable when it does. Empty: there is no state. @throws {StoreUnusable} */
export async function backUp(root: string, to: string): Promise<readonly BackedUp[]> {
  const accounts = await accountsIn(root)
  if (accounts.length === 0) return []
  const target = resolve(to)
  let unfinished: string | null = null
  try {
    await makeFolders(dirname(target))
    unfinished = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
    const done: BackedUp[] = []
    for (const account of accounts) done.push(await copyAccount(root, unfinished, account))
    const disk = createNodeDisk(unfinished)
    for (const folder of ['accounts', '.']) await disk.syncFolder(folder)
    await rename(unfinished, target)
    await createNodeDisk(dirname(target)).syncFolder('.')
    return done
  } catch (cause) {
    if (unfinished !== null) await rm(unfinished, { recursive: true, force: true }).catch(() => {})
    throw storeFailure(cause, `Writing ${target}`, dirname(target))
  }
}

async function copyAccount(root: string, to: string, account: string): Promise<BackedUp> {
  const [from, copy] = [join(root, 'accounts', account), join(to, 'accounts', account)]
  await makeFolders(copy)
  const copied = await copyState(createNodeDisk(from), createNodeDisk(copy), from)
  return { account, ...copied, problems: (await lookInto(copy)).found }
}

async function accountsIn(root: string): Promise<readonly string[]> {
  try {
    const found = await readdir(join(root, 'accounts'), { withFileTypes: true })
    return found.flatMap(entry => (entry.isDirectory() ? [entry.name] : [])).sort()
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return []
    throw storeFailure(cause, `Reading ${join(root, 'accounts')}`, root)
  }
}
