/** What a fleet in processes of its own promises. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { replyKeyOf } from '../../../src/domain/inbound.ts'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { startStage } from './stage.ts'

const ANSWERED_WITHIN_MS = 120_000
const NOTHING_WRONG = { lost: [], doubled: [], outOfOrder: [] }

/** Keys of the replies that the bot's agent was asked to post, in order. */
function postedKeys(mesh: SimMesh, bot: string): readonly string[] {
  const keys: string[] = []
  mesh.user(bot).agent.answer(({ method, target, body }) => {
    if (method === 'POST' && target.endsWith('/messages')) keys.push(replyKeyOf(JSON.parse(Buffer.from(body ?? '').toString())) ?? '')
    return null
  })
  return keys
}

test('the demo kills one of each, and ends with nothing lost and nothing doubled', { timeout: 180_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'demo.ts')])

  expect(stdout.trim().split('\n').at(-1)).toMatch(/^\d{2,} messages, 0 lost, 0 doubled$/)
})

test('a feeder that slept while another took its accounts posts nothing when it wakes', { timeout: 240_000 }, async () => {
  const heard: string[] = []
  const { fleet, people, mesh, bots, dispose } = await startStage({
    bots: 1,
    each: 5,
    everyMs: 300,
    // What was on its way when it fell asleep is soon looked for.
    limits: { confirmationLookMsMax: 2_000 },
    onLine: (who, line) => void heard.push(`${who}: ${line}`),
  })
  onTestFinished(dispose)
  const holder = () => Number(/^feeder (\d)/.exec(heard.findLast(line => line.includes('"live"')) ?? '')?.[1]) - 1
  await expect.poll(holder, { timeout: 30_000 }).toBeGreaterThanOrEqual(0)
  const first = holder()
  const keys = postedKeys(mesh, bots[0]!)
  people.write()
  await expect.poll(() => keys.length, { timeout: 30_000 }).toBeGreaterThan(5)

  fleet.signal('feeder', first, 'SIGSTOP')
  await expect.poll(holder, { timeout: 60_000 }).toBe(1 - first)
  const taken = keys.length
  await expect.poll(() => keys.length, { timeout: 60_000 }).toBeGreaterThan(taken + 5)
  const wokenAt = heard.length
  fleet.signal('feeder', first, 'SIGCONT')
  await expect
    .poll(() => heard.slice(wokenAt).some(line => line.includes('membership in the fleet is over')), { timeout: 30_000 })
    .toBe(true)
  const after = heard.slice(wokenAt)
  const mine = after.slice(
    0,
    after.findIndex(line => line.includes('membership in the fleet is over')),
  )
  await people.rest()
  await people.answered(ANSWERED_WITHIN_MS)

  expect(mine.filter(line => line.startsWith(`feeder ${first + 1}`) && line.includes('"posted"')).length).toBeLessThanOrEqual(1)
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  expect(people.count()).toMatchObject(NOTHING_WRONG)
})

test('processes that are stopped leave their work to the others, at last to a new release, and nothing is lost or doubled', {
  timeout: 240_000,
}, async () => {
  const { fleet, people, dispose } = await startStage({ bots: 2, each: 3, everyMs: 300 })
  onTestFinished(dispose)
  people.write()
  for (const kind of ['service', 'feeder'] as const)
    for (const index of [0, 1]) {
      await pause(1_000)
      await fleet.stop(kind, index)
      await fleet.start(kind, index)
    }
  await fleet.start('service', 2)
  await pause(1_000)
  for (const index of [0, 1]) await fleet.stop('service', index)
  await pause(1_000)
  await people.rest()
  await people.answered(ANSWERED_WITHIN_MS)

  expect(people.count()).toMatchObject(NOTHING_WRONG)
})
