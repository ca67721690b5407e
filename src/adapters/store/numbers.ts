/**
 * The numbers that segments have had, so that none is given twice: a segment whose removal never became durable may come back after a
 * loss of power, and must not look younger than what was begun since. No sync is needed: what is removed can come back only if it was
 * there before that loss, and until then this file can be read.
 */
import type { Disk } from '../../ports/disk.ts'
import { readable } from './doubt.ts'

const FILE = 'segments'
const BYTES_MAX = 4_096

export interface Numbers {
  /** The largest so far; 0 = none. */
  last(): Promise<number>
  note(number: number): Promise<void>
}

export function createNumbers(disk: Disk): Numbers {
  return {
    async last() {
      const text = new TextDecoder().decode((await readable(disk, FILE)) ?? new Uint8Array())
      return Math.max(
        0,
        ...text
          .split('\n')
          .filter(line => /^\d{1,15}$/.test(line))
          .map(Number),
      )
    },
    async note(number) {
      const line = new TextEncoder().encode(`\n${number}\n`)
      const file = await disk.append(FILE)
      const isLong = file.size() > BYTES_MAX
      try {
        if (!isLong) await file.write(line)
      } finally {
        await file.close()
      }
      if (!isLong) return
      // In one step: who is killed here must not forget all of them.
      await disk.write(`${FILE}.tmp`, line)
      await disk.rename(`${FILE}.tmp`, FILE)
    },
  }
}
