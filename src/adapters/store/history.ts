import { setImmediate as turn } from 'node:timers/promises'
import type { Disk } from '../../ports/disk.ts'
import type { StoredRecord } from '../../ports/store.ts'
import type { Archive } from './archive.ts'
import type { Journal } from './journal.ts'
import { linesOf } from './lines.ts'
import { isRecord } from './segment.ts'

/** After so many the messages of others have their turn: about 2 ms of work. A whole segment would hold them up for 100 ms. */
const BYTES_AT_ONCE = 65_536

/** One segment in memory at a time. What a fold moves away meanwhile is looked for in the archive. */
export async function* readHistory(disk: Disk, archive: Archive, journal: Journal): AsyncGenerator<StoredRecord> {
  const durable = journal.durable()
  const live = journal.segments().flatMap(({ path, firstSeq }) => (firstSeq === null ? [] : [{ path, firstSeq }]))
  let last = 0
  for (const { path, firstSeq } of [...(await archive.list()), ...live]) {
    const moved = async () => (await archive.list()).find(one => one.firstSeq === firstSeq)?.path
    const data = (await disk.read(path)) ?? (await disk.read((await moved()) ?? path))
    let turnAt = BYTES_AT_ONCE
    for (const { endsAt, value } of linesOf(data ?? new Uint8Array(0))) {
      if (endsAt > turnAt) {
        turnAt = endsAt + BYTES_AT_ONCE
        await turn()
      }
      // Twice where a crash came between the archive and the journal; beyond `durable` is not yet written.
      if (!isRecord(value) || value.seq <= last || value.seq > durable) continue
      last = value.seq
      yield value
    }
  }
}
