import type { Disk } from '../../ports/disk.ts'
import type { Loaded, StoredRecord } from '../../ports/store.ts'
import { renewDoubtful } from './doubt.ts'
import { codeOf, newerVersion } from './failures.ts'
import { JOURNAL_FOLDER, type KeptSegment, segmentPath } from './journal.ts'
import { encodeHeader, JOURNAL_VERSION, readSegment, type Segment, segmentNumber } from './segment.ts'
import { createSetAside, DAMAGED_FOLDER, type SetAside } from './set-aside.ts'
import { DamagedShard, previousPath, type Shard, shardDatabase } from './shard-file.ts'
import { INDEX_PATH, SHARD_FOLDER, shardNumber, shardOf, shardPath } from './shards.ts'

export interface Found {
  readonly loaded: Loaded
  readonly shards: number
  /** Last record that each shard contains. */
  readonly shardSeqs: Map<number, number>
  /** Size of each file of the snapshot, by its path. */
  readonly shardBytes: Map<string, number>
  readonly segments: readonly KeptSegment[]
  readonly lastNumber: number
}

type ShardFile = {
  readonly path: string
  readonly shard: Omit<Shard, 'entries'> | null
  /** Each value as a text: a shard's objects are let go before the next one is read. */
  readonly entries: readonly (readonly [key: string, json: string])[]
  readonly bytes: number
  readonly damaged: readonly string[]
}
type SegmentFile = {
  readonly number: number
  /** Null when the device cannot read it. */
  readonly data: Uint8Array | null
  readonly content: Segment
  /** Up to here it counts; beyond are a torn line or records that are void. */
  keepBytes: number
}
type Kept = { readonly record: StoredRecord; readonly at: number; readonly endsAt: number; readonly file: SegmentFile }

/** Reads everything first and changes nothing until it is clear that all of it is of a version that we know. */
export async function loadState(disk: Disk, where: string, shardsOfNew: number): Promise<Found> {
  const shardNames = await disk.list(SHARD_FOLDER)
  const index = await readShard(disk, where, INDEX_PATH, shardNames)
  const numbers = [...new Set(shardNames.map(shardNumber))].filter(number => number !== null).sort((a, b) => a - b)
  const shardFiles = new Map<number, ShardFile>()
  for (const number of numbers) shardFiles.set(number, await readShard(disk, where, shardPath(number), shardNames))
  const files = await readJournal(disk, where)

  const kept = voidWhatFailed(files)
  const shards = (index.shard ?? [...shardFiles.values()].find(({ shard }) => shard)?.shard)?.shards ?? shardsOfNew
  const shardSeqs = new Map<number, number>()
  const entries = new Map<string, Loaded['entries'] extends ReadonlyMap<string, infer Entry> ? Entry : never>()
  for (const [number, { shard, entries: own }] of shardFiles) {
    if (!shard) continue
    const { seq } = shard
    shardSeqs.set(number, seq)
    for (const [key, json] of own) entries.set(key, { seq, json })
  }

  const { problems, segments } = await mend(disk, where, [index, ...shardFiles.values()], files)
  problems.push(...staleShards(index, shardFiles, where))
  const shardSeqMax = Math.max(0, ...shardSeqs.values())
  // Without its index the newest shard has to tell how far the journal was folded.
  const floor = Math.max(index.shard?.seq ?? 0, index.damaged.length > 0 ? shardSeqMax : 0)
  const known = Math.max(shardSeqMax, floor, ...files.map(({ content }) => content.header?.after ?? 0))
  const records = kept.map(({ record }) => record)
  problems.push(...gaps(records, floor, known, where))

  const foldedTo = new Map<string, number>()
  const isFolded = (key: string, seq: number) => {
    const to = foldedTo.get(key) ?? (entries.has(key) ? 0 : (shardSeqs.get(shardOf(key, shards)) ?? 0))
    foldedTo.set(key, to)
    return to >= seq
  }
  const withoutFolded = (record: StoredRecord): StoredRecord =>
    record.changes.some(({ key }) => isFolded(key, record.seq))
      ? { ...record, changes: record.changes.filter(({ key }) => !isFolded(key, record.seq)) }
      : record
  return {
    loaded: {
      entries,
      // A key that was forgotten has no entry to compare with: what its shard contains is taken out here, or it would come back.
      tail: records.map(withoutFolded),
      lastSeq: Math.max(known, records.at(-1)?.seq ?? 0),
      problems,
    },
    shards,
    shardSeqs,
    shardBytes: new Map([index, ...shardFiles.values()].map(({ path, bytes }) => [path, bytes])),
    segments,
    lastNumber: Math.max(0, ...files.map(({ number }) => number)),
  }
}

async function readShard(disk: Disk, where: string, path: string, names: readonly string[]): Promise<ShardFile> {
  const damaged: string[] = []
  for (const generation of [path, previousPath(path)]) {
    if (!names.includes(generation.slice(SHARD_FOLDER.length + 1))) continue
    let bytes = 0
    const noteBytes = (found: number) => {
      bytes = found
    }
    const database = shardDatabase({ disk, path: generation, where, untilDurable: async () => {}, noteBytes })
    try {
      await database.read()
      const { data } = database
      const entries = (data?.entries ?? []).map(([key, value]) => [key, JSON.stringify(value)] as const)
      return { path, shard: data && { seq: data.seq, shards: data.shards }, entries, bytes, damaged }
    } catch (cause) {
      if (!(cause instanceof DamagedShard)) throw cause
      damaged.push(generation)
    }
  }
  return { path, shard: null, entries: [], bytes: 0, damaged }
}

async function readJournal(disk: Disk, where: string): Promise<SegmentFile[]> {
  const numbers = (await disk.list(JOURNAL_FOLDER)).map(segmentNumber).filter(number => number !== null)
  const files: SegmentFile[] = []
  for (const number of numbers.sort((a, b) => a - b)) {
    const data = await disk.read(segmentPath(number)).catch(cause => {
      if (codeOf(cause) === 'EIO') return null
      throw cause
    })
    const content = readSegment(data ?? new Uint8Array(0))
    if (content.header && content.header.version > JOURNAL_VERSION) throw newerVersion(segmentPath(number), content.header.version, where)
    files.push({ number, data, content, keepBytes: content.restAt })
  }
  return files.sort((one, other) => begunAfter(one) - begunAfter(other) || one.number - other.number)
}

/** One whose removal never became durable may come back beside those that were begun long after it, whatever their numbers. */
const begunAfter = ({ content: { header, records } }: SegmentFile): number =>
  header?.after ?? (records[0] ? records[0].record.seq - 1 : Number.POSITIVE_INFINITY)

/** The records that count. A segment is begun after the last durable record: what an older one has beyond it never was durable. */
function voidWhatFailed(files: readonly SegmentFile[]): Kept[] {
  const kept: Kept[] = []
  const voidAfter = (seq: number, newer: SegmentFile): void => {
    for (let last = kept.at(-1); last && last.record.seq > seq; last = kept.at(-1)) {
      if (last.file !== newer) last.file.keepBytes = last.at
      kept.pop()
    }
    const last = kept.at(-1)
    if (last && last.file !== newer && last.record.seq === seq) last.file.keepBytes = last.endsAt
  }
  for (const file of files) {
    if (file.content.header) voidAfter(file.content.header.after, file)
    for (const { record, at, endsAt } of file.content.records) {
      voidAfter(record.seq - 1, file)
      kept.push({ record, at, endsAt, file })
    }
  }
  return kept
}

/** Makes the folders, cuts and sets aside what is to go, and makes durable what was read. */
async function mend(
  disk: Disk,
  where: string,
  shardFiles: readonly ShardFile[],
  files: readonly SegmentFile[],
): Promise<{ problems: string[]; segments: KeptSegment[] }> {
  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER]) await disk.makeFolder(folder)
  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER, DAMAGED_FOLDER]) {
    for (const name of await disk.list(folder)) if (name.endsWith('.tmp')) await disk.remove(`${folder}/${name}`)
  }
  const setAside = createSetAside(disk)
  const problems: string[] = []
  for (const file of shardFiles) {
    for (const generation of file.damaged) {
      problems.push(`${generation} in ${where} is damaged and was set aside as ${await setAside.move(generation)}; ${inItsPlace(file)}.`)
    }
  }
  const segments: KeptSegment[] = []
  const newest = files.findLast(({ content }) => content.header)
  for (const file of files) {
    const segment = await mendSegment(disk, where, file, file === newest, setAside, problems)
    if (segment) segments.push(segment)
  }
  await renewDoubtful(disk)
  for (const folder of ['.', JOURNAL_FOLDER, SHARD_FOLDER]) await disk.syncFolder(folder)
  return { problems, segments }
}

function inItsPlace({ path, shard }: ShardFile): string {
  if (shard) return `an older one, of record ${shard.seq}, is used in its place`
  return path === INDEX_PATH ? 'it is made anew, and nothing is lost' : 'there is no older one: what it knew is lost'
}

async function mendSegment(
  disk: Disk,
  where: string,
  { number, data, content, keepBytes }: SegmentFile,
  isNewest: boolean,
  setAside: SetAside,
  problems: string[],
): Promise<KeptSegment | null> {
  const path = segmentPath(number)
  if (!data) {
    problems.push(`${path} in ${where} cannot be read and was set aside as ${await setAside.move(path)}.`)
    return null
  }
  const records = content.records.filter(({ at }) => at < keepBytes)
  const damagedAt = content.damagedAt.filter(at => at < keepBytes)
  const after = content.header?.after ?? (records[0]?.record.seq ?? 1) - 1
  const segment = {
    path,
    bytes: keepBytes,
    lastSeq: records.at(-1)?.record.seq ?? after,
    firstSeq: records[0]?.record.seq ?? null,
    lastAtMs: records.at(-1)?.record.atMs ?? 0,
  }
  if (damagedAt.length > 0) {
    const newName = await setAside.copy(path, data)
    const readable = Buffer.concat([encodeHeader(after), ...records.map(({ at, endsAt }) => data.subarray(at, endsAt))])
    await disk.write(`${path}.tmp`, readable)
    await disk.rename(`${path}.tmp`, path)
    problems.push(
      `${path} in ${where} is damaged at byte ${damagedAt.join(', ')} and was set aside as ${newName}; the ${records.length} records that can be read are loaded.`,
    )
    return { ...segment, bytes: readable.byteLength }
  }
  if (!content.header) {
    // Its first write never came to an end.
    await disk.remove(path)
    return null
  }
  // The newest may have been read from memory that never reached the disk; what is loaded must be durable.
  if (isNewest || keepBytes < data.byteLength) {
    const file = await disk.append(path)
    try {
      if (keepBytes < data.byteLength) await file.truncate(keepBytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }
  return segment
}

/** Shards that are gone, or older than the index says, without being damaged. */
function staleShards(index: ShardFile, files: ReadonlyMap<number, ShardFile>, where: string): string[] {
  const problems: string[] = []
  for (const [name, json] of index.entries) {
    const file = files.get(Number(name))
    const found = file?.shard?.seq ?? 0
    const seq: unknown = JSON.parse(json)
    if (typeof seq !== 'number' || found >= seq || file?.damaged.length) continue
    problems.push(
      `${shardPath(Number(name))} in ${where} is missing or too old (record ${found} where ${seq} was written); what it knew is lost.`,
    )
  }
  return problems
}

function gaps(records: readonly StoredRecord[], floor: number, known: number, where: string): string[] {
  const problems: string[] = []
  let next = floor + 1
  const report = (before: number) => {
    const which = next === before - 1 ? `Record ${next} is` : `Records ${next} to ${before - 1} are`
    problems.push(`${which} missing from the journal of ${where}; what was changed there is lost where no snapshot has it.`)
  }
  for (const { seq } of records) {
    if (seq > next) report(seq)
    next = Math.max(next, seq + 1)
  }
  if (known >= next) report(known + 1)
  return problems
}
