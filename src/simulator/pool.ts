/** Many seeds on several threads. Results come in the order of the seeds, whichever thread was faster. */
import { Worker } from 'node:worker_threads'
import type { ScenarioResult } from './scenario.ts'

/** What every thread must know. */
export type PoolJob = { readonly real: boolean }

export type SeedSummary = Omit<ScenarioResult, 'trace'>

export type PoolOptions = PoolJob & {
  readonly from: number
  readonly count: number
  readonly threads: number
  /** False: no more seeds. */
  readonly onResult: (summary: SeedSummary) => boolean
}

/** A world lives for a tenth of a second: what it leaves behind is rarely worth a copy. */
const YOUNG_MB = 64
/** Seeds that a thread has at once, so that it does not wait for its next. */
const AHEAD = 2

export async function runSeeds({ from, count, threads, real, onResult }: PoolOptions): Promise<void> {
  const workerFile = new URL(import.meta.url.endsWith('.ts') ? './seed-worker.ts' : './seed-worker.js', import.meta.url)
  const workers = Array.from({ length: Math.max(1, Math.min(threads, count)) }, () => {
    const workerData: PoolJob = { real }
    return new Worker(workerFile, { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
  })
  const early = new Map<number, SeedSummary>()
  const end = from + count
  let next = from
  let told = from
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (worker: Worker) => {
        if (next < end) worker.postMessage(next++)
      }
      for (const worker of workers) {
        worker.on('error', reject)
        worker.on('message', (summary: SeedSummary) => {
          early.set(summary.seed, summary)
          give(worker)
          for (let ready = early.get(told); ready; ready = early.get(told)) {
            early.delete(told)
            told += 1
            if (!onResult(ready) || told === end) return resolve()
          }
        })
        for (let ahead = 0; ahead < AHEAD; ahead++) give(worker)
      }
      if (count === 0) resolve()
    })
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}
