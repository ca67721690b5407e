/** One thread of the pool: runs the seeds that it is given, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { type PoolJob, scenarioOf, summaryOf } from './pool.ts'
import { runScenario } from './scenario.ts'

// Thousands of expected failures are made in a run, and nobody reads where.
Error.stackTraceLimit = 0

const { quirks } = workerData as PoolJob

parentPort?.on('message', (seed: number) => {
  void runScenario(scenarioOf(seed, quirks)).then(result => parentPort?.postMessage(summaryOf(result)))
})
