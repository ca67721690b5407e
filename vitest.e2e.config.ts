import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those that share a gateway find it as others have left it: the first answers of a fresh one come one by one. */
const FIRST = /\/groups\.test\.ts$/

/**
 * In the same order on every machine: the first one, then by name. An approval makes somebody the gateway's owner, after whom nobody
 * else's commands count: `direct` comes before `inspecting` and `pairing`.
 */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => `${FIRST.test(moduleId) ? 0 : 1} ${moduleId}`
    return files.toSorted((one, other) => (rank(one) < rank(other) ? -1 : 1))
  }
}

/** `--mode by-hand` runs what takes too long for every change. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'by-hand' ? 'test/e2e/**/*.by-hand.ts' : 'test/{e2e,long}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // Real processes on few cores: one file after the other in one process, which lets them share a gateway; and time for a cold start.
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    isolate: false,
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
}))
