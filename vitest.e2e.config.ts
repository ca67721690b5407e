import { defineConfig } from 'vitest/config'

/** `--mode by-hand` runs what takes too long for every change. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'by-hand' ? 'test/e2e/**/*.by-hand.ts' : 'test/{e2e,long}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // Real processes on few cores: one file after the other in one process, which lets them share a gateway; and time for a cold start.
    fileParallelism: false,
    isolate: false,
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
}))
