/** One thread of the pool: runs the seeds that it is given, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import type { PoolJob, SeedSummary } from './pool.ts'
import { runScenario } from './scenario.ts'
import { planOf } from './swarm.ts'

// Thousands of expected failures are made in a run, and nobody reads where.
Error.stackTraceLimit = 0

const { real } = workerData as PoolJob

const run = async (seed: number): Promise<SeedSummary> => {
  const { trace: _, ...summary } = await runScenario(planOf(seed, real))
  return summary
}

parentPort?.on('message', (seed: number) => void run(seed).then(summary => parentPort?.postMessage(summary)))
