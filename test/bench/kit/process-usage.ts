import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type ProcessUsage = { readonly cpuMs: number; readonly rssBytes: number }

/** Of the kernel's clock, the same on every Linux that Node runs on. */
const TICK_MS = 10
const KIB = 1_024

/** What a process that runs has used, as Linux counts it. */
export function usageOf(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // After the name, which may have blanks and brackets: state, ..., utime and stime as the 12th and 13th.
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const rssKib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuMs: (Number(user) + Number(system)) * TICK_MS, rssBytes: Number(rssKib) * KIB }
}

/** Of all files below a folder, as the disk has them. */
export const diskBytes = (folder: string): number => Number(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t')[0]) * KIB
