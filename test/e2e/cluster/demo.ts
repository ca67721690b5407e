/** `npm run demo:cluster`: a fleet on this machine, of which one process of each kind is killed while people write. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Kind } from './fleet.ts'
import { startStage } from './stage.ts'

const BOTS = 3
const PEOPLE_EACH = 4
const EVERY_MS = 1_500
const QUIET_MS = 3_000
const ANSWERED_WITHIN_MS = 90_000

const beganAtMs = performance.now()
const say = (text: string) => console.log(`${((performance.now() - beganAtMs) / 1000).toFixed(1).padStart(6)} s  ${text}`)
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

say(`Starting an engine (Restate), two services, two feeders, and the agents of ${BOTS} bots ...`)
const { fleet, people, mesh, bots, dispose } = await startStage({ bots: BOTS, each: PEOPLE_EACH, everyMs: EVERY_MS })
try {
  const [bot = ''] = bots
  const alice = mesh.user('alice')
  const heard = () =>
    alice
      .inbox(`peer:${bot}`)
      .flatMap(({ sender, message }) => (sender === bot ? String((message as { readonly text?: unknown }).text) : []))
  for (const text of ['hello, is anybody there?', 'and how many of you are there?']) {
    say(`alice -> ${bot}: ${text}`)
    const before = heard().length
    await alice.says(text, `peer:${bot}`)
    while (heard().length === before) await pause(20)
    say(`${bot} -> alice: ${heard().at(-1)}`)
  }
  say(`${BOTS * PEOPLE_EACH} people begin to write, each every ${seconds(EVERY_MS)}.`)
  people.write()
  await pause(QUIET_MS)
  for (const [kind, what] of [
    ['service', 'one of the two services'],
    ['feeder', 'one of the two feeders'],
    ['engine', 'the engine'],
  ] as const satisfies readonly (readonly [Kind, string])[]) {
    say(`kill -9 of ${what} ...`)
    await fleet.kill(kind)
    const diedAtMs = performance.now()
    if (kind === 'engine') await fleet.start('engine')
    while (people.waitingMs() > performance.now() - diedAtMs) await pause(50)
    say(`... whoever waited has an answer after ${seconds(performance.now() - diedAtMs)}.`)
    if (kind !== 'engine') await fleet.start(kind)
    await pause(QUIET_MS)
  }
  await people.rest()
  await people.answered(ANSWERED_WITHIN_MS)
  const { messages, lost, doubled, outOfOrder, longestMs } = people.count()
  say(`The longest wait for an answer was ${seconds(longestMs)}; answers out of order: ${outOfOrder.length}.`)
  console.log(`${messages} messages, ${lost.length} lost, ${doubled.length} doubled`)
  process.exitCode = lost.length + doubled.length + outOfOrder.length === 0 ? 0 : 1
} finally {
  await dispose()
}
process.exit()
