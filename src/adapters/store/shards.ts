/** Shards of a new store. A store that exists keeps its own number. */
export const SHARDS = 64

/** FNV-1a over the key's code units. Part of the file format: a key must be found where it was put. */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return ((hash ^ (hash >>> 16)) >>> 0) % shards
}

export const SHARD_FOLDER = 'shards'
/** A database like the shards: `seq` is the record up to which all of them are complete, each entry one shard and its own `seq`. */
export const INDEX_PATH = `${SHARD_FOLDER}/index.json`

export const shardPath = (shard: number): string => `${SHARD_FOLDER}/shard-${String(shard).padStart(2, '0')}.json`

/** The shard that a file belongs to, whichever generation it is. */
export function shardNumber(name: string): number | null {
  const digits = /^shard-(\d{2,6})(?:\.old)?\.json$/.exec(name)
  return digits ? Number(digits[1]) : null
}
