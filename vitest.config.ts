import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Patience for a busy machine; no test measures time.
    testTimeout: 60_000,
    // On two cores the default is one: half the machine would wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // The command line is started some hundred times.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
    exclude: ['test/{e2e,long}/**', '**/node_modules/**'],
    coverage: { provider: 'v8', include: ['src/**', 'machines/**'] },
  },
})
