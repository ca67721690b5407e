import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // Real processes on few cores: one file after the other, and time for a cold start.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
})
