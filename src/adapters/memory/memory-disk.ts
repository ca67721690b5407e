import type { Disk, DiskFile } from '../../ports/disk.ts'
import type { Random } from '../../ports/random.ts'

export interface DiskOperation {
  /** Counted from 0 over the life of the disk. */
  readonly index: number
  readonly name: 'list' | 'read' | 'makeFolder' | 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncFolder'
  readonly path: string
}

export interface MemoryDiskOptions {
  /** Decides what a crash keeps of that which was not synced. Without it: nothing. */
  readonly random?: Random
  /** Called before each operation; what it throws is the operation's failure. */
  readonly faults?: (operation: DiskOperation) => void
  /** After a crash: what became of that which was not synced. */
  readonly onSurvival?: (survival: Survival) => void
}

/** How many of each were lost in a crash, or, of writes, kept in part. */
export type Survival = { readonly lostNames: number; readonly lostWrites: number; readonly tornWrites: number }

export interface MemoryDisk extends Disk {
  /**
   * Power loss. The disk after it has what was synced, and of the rest whatever the random source lets through: any of the names,
   * and of each file's bytes a beginning. The disk before it answers nothing any more.
   */
  crash(options?: MemoryDiskOptions): MemoryDisk
  /** From now on there is room for so many more bytes; a write that is too long is cut. `Infinity` makes room again. */
  fill(bytesLeft: number): void
  /** The next sync of a file or folder fails. What it was to make durable stays visible, and never becomes durable. */
  failNextSync(): void
  readOnly(on?: boolean): void
  /** Flips one bit of what is stored, durably. */
  corrupt(path: string, offset: number): void
  /** The device cannot read this file any more. */
  makeUnreadable(path: string): void
  /** Bytes in all files that have a name. */
  bytes(): number
  /** Paths of all files, sorted. */
  files(): readonly string[]
  /** Operations so far. */
  operations(): number
}

/** What the system shows (`content`), what would survive a crash (`durable`), and the steps from the one to the other. */
type Inode = { content: Uint8Array; durable: Uint8Array; pending: Step[]; isUnreadable: boolean; hasLostWrites: boolean }
type Step = { write: Uint8Array } | { truncate: number }
type NameChange = { readonly sets?: readonly [path: string, inode: Inode]; readonly drops?: string; isLost: boolean }
type Names = Map<string, Inode>

/** The disk's twin: forgets in a crash what was not synced, and fails on demand. */
export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  return memoryDisk(new Map(), new Set(['.']), options)
}

function memoryDisk(names: Names, folders: Set<string>, { random, faults, onSurvival }: MemoryDiskOptions): MemoryDisk {
  const durableNames: Names = new Map(names)
  let nameChanges: NameChange[] = []
  let operations = 0
  let bytesLeft = Number.POSITIVE_INFINITY
  let isReadOnly = false
  let isDead = false
  let syncFails = false

  const begin = async (name: DiskOperation['name'], path: string, changes: boolean): Promise<void> => {
    // Like a real disk, it answers later, so that others get their turn.
    await Promise.resolve()
    checkPath(path)
    if (isDead) throw failure('ENODEV', name, path)
    faults?.({ index: operations++, name, path })
    if (changes && isReadOnly) throw failure('EROFS', name, path)
  }
  const find = (name: string, path: string): Inode => {
    const inode = names.get(path)
    if (!inode) throw failure('ENOENT', name, path)
    return inode
  }
  const change = (next: NameChange): void => {
    if (next.drops !== undefined) names.delete(next.drops)
    if (next.sets) names.set(next.sets[0], next.sets[1])
    nameChanges.push(next)
  }
  const create = (path: string): Inode => {
    if (!folders.has(folderOf(path))) throw failure('ENOENT', 'open', path)
    const inode = { content: none, durable: none, pending: [], isUnreadable: false, hasLostWrites: false }
    change({ sets: [path, inode], isLost: false })
    return inode
  }
  const resize = (inode: Inode, size: number): void => {
    bytesLeft += inode.content.byteLength - size
    applyStep(inode, { truncate: size })
  }
  const writeTo = async (inode: Inode, path: string, data: Uint8Array): Promise<void> => {
    await begin('write', path, true)
    const written = data.slice(0, Math.max(0, Math.min(data.byteLength, bytesLeft)))
    bytesLeft -= written.byteLength
    applyStep(inode, { write: written })
    if (written.byteLength < data.byteLength) throw failure('ENOSPC', 'write', path)
  }
  const syncFile = async (inode: Inode, path: string): Promise<void> => {
    await begin('sync', path, false)
    if (syncFails) {
      syncFails = false
      // As on Linux: the pages count as written from now on, and a second sync has nothing to do and succeeds.
      inode.hasLostWrites = true
      throw failure('EIO', 'sync', path)
    }
    if (inode.hasLostWrites) return
    inode.durable = inode.content
    inode.pending = []
  }

  return {
    async list(folder) {
      await begin('list', folder, false)
      return [...names.keys()]
        .filter(path => folderOf(path) === folder)
        .map(path => path.slice(path.lastIndexOf('/') + 1))
        .sort()
    },
    async read(path) {
      await begin('read', path, false)
      if (names.get(path)?.isUnreadable) throw failure('EIO', 'read', path)
      return names.get(path)?.content.slice() ?? null
    },
    async makeFolder(folder) {
      await begin('makeFolder', folder, true)
      for (let at = folder; at !== '.'; at = folderOf(at)) folders.add(at)
    },
    async append(path) {
      await begin('open', path, true)
      const inode = names.get(path) ?? create(path)
      let isOpen = true
      const use = <T>(run: () => Promise<T>) => (isOpen ? run() : Promise.reject(failure('EBADF', 'use', path)))
      const file: DiskFile = {
        size: () => inode.content.byteLength,
        write: data => use(() => writeTo(inode, path, data)),
        sync: () => use(() => syncFile(inode, path)),
        truncate: size =>
          use(async () => {
            await begin('truncate', path, true)
            resize(inode, size)
          }),
        async close() {
          isOpen = false
        },
      }
      return file
    },
    async write(path, data) {
      await begin('open', path, true)
      const inode = names.get(path) ?? create(path)
      resize(inode, 0)
      inode.hasLostWrites = false
      await writeTo(inode, path, data)
      await syncFile(inode, path)
    },
    async rename(from, to) {
      await begin('rename', from, true)
      checkPath(to)
      const inode = find('rename', from)
      if (!folders.has(folderOf(to))) throw failure('ENOENT', 'rename', to)
      bytesLeft += names.get(to)?.content.byteLength ?? 0
      change({ drops: from, sets: [to, inode], isLost: false })
    },
    async remove(path) {
      await begin('remove', path, true)
      bytesLeft += find('remove', path).content.byteLength
      change({ drops: path, isLost: false })
    },
    async syncFolder(folder) {
      await begin('syncFolder', folder, false)
      if (!folders.has(folder)) throw failure('ENOENT', 'syncFolder', folder)
      const touches = (next: NameChange) => pathsOf(next).some(path => folderOf(path) === folder)
      if (syncFails) {
        syncFails = false
        for (const next of nameChanges) next.isLost ||= touches(next)
        throw failure('EIO', 'syncFolder', folder)
      }
      const synced = nameChanges.filter(next => touches(next) && !next.isLost)
      for (const next of synced) applyName(durableNames, next)
      nameChanges = nameChanges.filter((next, at) => {
        if (!touches(next)) return true
        // What a later change of the same name has made durable is not undone by one that was lost.
        return (
          next.isLost && !synced.some(later => nameChanges.indexOf(later) > at && pathsOf(later).some(path => pathsOf(next).includes(path)))
        )
      })
    },

    crash(next = {}) {
      isDead = true
      const kept = new Map(durableNames)
      const survival = { lostNames: 0, lostWrites: 0, tornWrites: 0 }
      for (const made of nameChanges) {
        if (random && random.unit() < 0.5) applyName(kept, made)
        else survival.lostNames += 1
      }
      const copies = new Map<Inode, Inode>()
      const afterwards: Names = new Map()
      for (const [path, inode] of kept) {
        const copy = copies.get(inode) ?? survivor(inode, random, survival)
        copies.set(inode, copy)
        afterwards.set(path, copy)
      }
      onSurvival?.(survival)
      return memoryDisk(afterwards, new Set(folders), { ...(random ? { random } : {}), ...next })
    },
    fill(bytes) {
      bytesLeft = bytes
    },
    failNextSync() {
      syncFails = true
    },
    readOnly(on = true) {
      isReadOnly = on
    },
    corrupt(path, offset) {
      const inode = find('corrupt', path)
      const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === offset ? byte ^ 1 : byte))
      inode.content = flip(inode.content)
      inode.durable = flip(inode.durable)
    },
    makeUnreadable(path) {
      find('makeUnreadable', path).isUnreadable = true
    },
    bytes: () => [...names.values()].reduce((sum, inode) => sum + inode.content.byteLength, 0),
    files: () => [...names.keys()].sort(),
    operations: () => operations,
  }
}

const none = new Uint8Array(0)

const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.')

function checkPath(path: string): void {
  if (path === '.') return
  if (path.split('/').some(step => step === '' || step === '.' || step === '..' || step.includes('\\') || step.includes('\0'))) {
    throw failure('EINVAL', 'use', path)
  }
}

function failure(code: string, operation: string, path: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code })
}

const pathsOf = ({ drops, sets }: NameChange): readonly string[] => [drops, sets?.[0]].filter(path => path !== undefined)

function applyName(names: Names, { drops, sets }: NameChange): void {
  if (drops !== undefined) names.delete(drops)
  if (sets) names.set(sets[0], sets[1])
}

function applyStep(inode: Inode, step: Step): void {
  inode.content = after(inode.content, step)
  inode.pending.push(step)
}

function after(content: Uint8Array, step: Step): Uint8Array {
  if ('truncate' in step) return content.slice(0, step.truncate)
  const longer = new Uint8Array(content.byteLength + step.write.byteLength)
  longer.set(content)
  longer.set(step.write, content.byteLength)
  return longer
}

/** The file as it is found after the crash: its durable content, some of the steps since, and a beginning of the next one. */
function survivor(inode: Inode, random: Random | undefined, survival: { lostWrites: number; tornWrites: number }): Inode {
  let content = inode.durable
  const whole = random ? random.integer(inode.pending.length + 1) : 0
  for (const step of inode.pending.slice(0, whole)) content = after(content, step)
  const torn = inode.pending[whole]
  const keptBytes = random && torn && 'write' in torn ? random.integer(torn.write.byteLength + 1) : 0
  if (torn && 'write' in torn) content = after(content, { write: torn.write.slice(0, keptBytes) })
  const lost = inode.pending.length - whole
  survival.tornWrites += keptBytes > 0 ? 1 : 0
  survival.lostWrites += keptBytes > 0 ? lost - 1 : lost
  return { content, durable: content, pending: [], isUnreadable: inode.isUnreadable, hasLostWrites: false }
}
