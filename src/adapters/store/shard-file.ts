import { type Adapter, Low } from 'lowdb'
import { z } from 'zod'
import type { Json } from '../../domain/json.ts'
import type { Disk } from '../../ports/disk.ts'
import { codeOf, newerVersion } from './failures.ts'
import { checksum } from './lines.ts'

export const SHARD_VERSION = 1
/** Where a checksum of the whole file stands, computed with these digits in its place. */
const NO_CHECKSUM = '00000000'
const CHECKSUM = /^\{"version":\d+,"crc32":"([0-9a-f]{8})"/

const shard = z.object({
  /** Last record that the entries contain. */
  seq: z.int().nonnegative(),
  /** How many shards the keys are spread over. */
  shards: z.int().positive(),
  /** Pairs and no object: a key may be `__proto__`. */
  entries: z.array(z.tuple([z.string(), z.custom<Json>(value => value !== undefined)])),
})
export type Shard = z.infer<typeof shard>

const versioned = z.looseObject({ version: z.int().nonnegative() })
const shardOfVersion0 = z.object({ seq: z.number(), shards: z.number(), entries: z.record(z.string(), z.unknown()) })

/** What makes a file of one version into one of the next. */
const migrations: Readonly<Record<number, (file: unknown) => unknown>> = {
  0: file => {
    const { entries, ...rest } = shardOfVersion0.parse(file)
    return { ...rest, entries: Object.entries(entries) }
  },
}

/** The file cannot be read; what it says is lost unless there is an older one. */
export class DamagedShard extends Error {}

/**
 * A lowdb database that survives power loss: written beside, made durable, then named. The generation before it stays, for the day
 * that this one cannot be read. The new name is durable when the caller has synced the folder, once for many shards.
 */
export function shardDatabase(options: ShardFileOptions): Low<Shard | null> {
  return new Low<Shard | null>(shardAdapter(options), null)
}

export interface ShardFileOptions {
  readonly disk: Disk
  readonly path: string
  /** For messages: the state directory. */
  readonly where: string
  /** Resolves when every record up to `seq` is durable; only then may a shard that contains them be seen. */
  readonly untilDurable: (seq: number) => Promise<void>
  /** Hears how large the file is that was read or written. */
  readonly noteBytes: (bytes: number) => void
}

export const previousPath = (path: string): string => path.replace(/\.json$/, '.old.json')

function shardAdapter({ disk, path, where, untilDurable, noteBytes }: ShardFileOptions): Adapter<Shard | null> {
  return {
    async read() {
      const data = await disk.read(path).catch(cause => {
        if (codeOf(cause) === 'EIO') throw new DamagedShard(`${path} cannot be read.`, { cause })
        throw cause
      })
      noteBytes(data?.byteLength ?? 0)
      return data && decodeShard(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString(), path, where)
    },
    async write(data) {
      if (!data) return
      // Before any await: the values are the caller's own, and belong to this moment.
      const bytes = Buffer.from(encodeShard(data))
      try {
        await disk.write(`${path}.tmp`, bytes)
        await untilDurable(data.seq)
        await keepPrevious(disk, path)
        await disk.rename(`${path}.tmp`, path)
        noteBytes(bytes.byteLength)
      } catch (cause) {
        // On a full disk its room is needed; if even this fails, the next start removes it.
        await disk.remove(`${path}.tmp`).catch(() => {})
        throw cause
      }
    },
  }
}

async function keepPrevious(disk: Disk, path: string): Promise<void> {
  try {
    await disk.rename(path, previousPath(path))
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw cause
  }
}

export function encodeShard(data: Shard): string {
  const text = `${JSON.stringify({ version: SHARD_VERSION, crc32: NO_CHECKSUM, ...data })}\n`
  return text.replace(NO_CHECKSUM, checksum(Buffer.from(text)))
}

function decodeShard(text: string, path: string, where: string): Shard {
  const parsed = versioned.safeParse(parseJson(text))
  if (parsed.success && parsed.data.version > SHARD_VERSION) throw newerVersion(path, parsed.data.version, where)
  if (!parsed.success || !(parsed.data.version === 0 || hasItsChecksum(text))) throw new DamagedShard(`${path} is damaged.`)
  try {
    let file: unknown = parsed.data
    for (let { version } = parsed.data; version < SHARD_VERSION; version++) file = migrations[version]?.(file)
    return shard.parse(file)
  } catch (cause) {
    throw new DamagedShard(`${path} is not what this version expects.`, { cause })
  }
}

function hasItsChecksum(text: string): boolean {
  const found = CHECKSUM.exec(text)?.[1]
  return found !== undefined && checksum(Buffer.from(text.replace(found, NO_CHECKSUM))) === found
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
