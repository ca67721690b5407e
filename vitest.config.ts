import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Patience for a busy machine; no test measures time.
    testTimeout: 60_000,
    exclude: ['test/{e2e,long}/**', '**/node_modules/**'],
    coverage: { provider: 'v8', include: ['src/**', 'machines/**'] },
  },
})
