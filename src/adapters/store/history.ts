import type { Disk } from '../../ports/disk.ts'
import type { StoredRecord } from '../../ports/store.ts'
import type { Archive } from './archive.ts'
import type { Journal } from './journal.ts'
import { readSegment } from './segment.ts'

/** One segment in memory at a time. What a fold moves away meanwhile is looked for in the archive. */
export async function* readHistory(disk: Disk, archive: Archive, journal: Journal): AsyncGenerator<StoredRecord> {
  const durable = journal.durable()
  const live = journal.segments().flatMap(({ path, firstSeq }) => (firstSeq === null ? [] : [{ path, firstSeq }]))
  let last = 0
  for (const { path, firstSeq } of [...(await archive.list()), ...live]) {
    const moved = async () => (await archive.list()).find(one => one.firstSeq === firstSeq)?.path
    const data = (await disk.read(path)) ?? (await disk.read((await moved()) ?? path))
    for (const { record } of readSegment(data ?? new Uint8Array(0)).records) {
      // Twice where a crash came between the archive and the journal; beyond `durable` is not yet written.
      if (record.seq <= last || record.seq > durable) continue
      last = record.seq
      yield record
    }
  }
}
