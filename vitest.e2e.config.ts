import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** By name, on every machine: some share a gateway, whose first approval makes somebody its owner, and nobody else's commands count then. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((one, other) => (one.moduleId < other.moduleId ? -1 : 1))
  }
}

/** `--mode by-hand` runs what takes too long for every change. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'by-hand' ? 'test/e2e/**/*.by-hand.ts' : 'test/{e2e,long}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // Real processes on few cores: one file after the other in one process, which lets them share a gateway; and time for a cold start.
    fileParallelism: false,
    sequence: { sequencer: ByName },
    isolate: false,
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
}))
