/** No chart knows where it runs: one script through three hosts leaves the same behind, and has the same carried out in the same order. */
import { expect, test } from 'vitest'
import { embedded, simulated, startOnRestate } from './hosts.ts'
import { SCRIPT } from './script.ts'

const PATIENCE = { timeout: 30_000, interval: 200 }

test('the embedded host, the simulator and Restate keep the same and carry out the same, in the same order in each chat', async () => {
  const expected = await embedded()
  expect(expected.effects).toMatchObject({
    asked: { 'peer:bob': ['fail once 1', 'fail once 2', 'fail 1', 'fail 2', 'fail 3', 'still there? 1'] },
    posted: {
      'peer:alice': ['hello#0', 'tell me more#0', 'tell me more#1', 'tell me more#2', 'did that arrive?#0'],
      'peer:eve': ['pairing/asked#0'],
    },
  })

  expect(await simulated()).toEqual(expected)

  const host = await startOnRestate()
  for (const line of SCRIPT) await host.play(line)
  // What is seen on the mesh is recorded a little later.
  await expect.poll(() => host.ending(), PATIENCE).toEqual(expected)
})
