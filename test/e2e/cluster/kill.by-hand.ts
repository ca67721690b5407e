/** `npm run test:cluster-kills`: kill -9 of services, feeders and the engine under traffic. KILLS: how many of each; 30 when it is not set. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Kind } from './fleet.ts'
import { startStage } from './stage.ts'

const KILLS = Number(process.env['KILLS'] ?? 30)
const ANSWERED_WITHIN_MS = 300_000

test.each(['service', 'feeder', 'engine'] as const)(
  `${KILLS} kills of one %s after the other lose nothing, double nothing, and keep the order`,
  { timeout: 3_600_000 },
  async kind => {
    let liveAtMs = 0
    const { fleet, people, dispose } = await startStage({
      bots: 4,
      each: 5,
      everyMs: 1_000,
      onLine: (_, line) => {
        if (line.startsWith('{"event":"live"')) liveAtMs = performance.now()
      },
    })
    onTestFinished(dispose)
    people.write()
    const tookMs: number[] = []
    const takenOverMs: number[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(1_000 + Math.random() * 2_000)
      const index = kind === 'engine' ? 0 : kill % 2
      await fleet.kill(kind, index)
      const diedAtMs = performance.now()
      if (kind === 'engine') await fleet.start('engine')
      // Not before the others have taken over.
      while (people.waitingMs() > performance.now() - diedAtMs) await pause(50)
      tookMs.push(performance.now() - diedAtMs)
      // It may have had none.
      if (liveAtMs > diedAtMs) takenOverMs.push(liveAtMs - diedAtMs)
      if (kind !== 'engine') await fleet.start(kind as Kind, index)
    }
    await people.rest()
    await people.answered(ANSWERED_WITHIN_MS)
    const { messages, lost, doubled, outOfOrder, longestMs } = people.count()
    const told = (values: readonly number[]) => {
      const sorted = values.toSorted((one, other) => one - other)
      return { times: sorted.length, p50: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) }
    }
    console.info({ kind, kills: KILLS, messages, longestMs, untilAllIsAnswered: told(tookMs), untilAllAreLiveAgain: told(takenOverMs) })
    expect({ lost, doubled, outOfOrder }).toEqual({ lost: [], doubled: [], outOfOrder: [] })
  },
)
