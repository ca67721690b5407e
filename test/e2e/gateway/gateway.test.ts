/** The packed plugin inside a real OpenClaw: a stub model answers, and the mesh is simulated, behind the real HTTP interface. */
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { typeFaults } from './package-under-test.ts'
import { startAfterKill } from './start-after-kill.ts'
import { until } from './until.ts'
import { ANSWER_MS_MAX, sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

test('src/plugin fits the declarations of the host itself', async () => {
  expect(await typeFaults()).toEqual([])
})

test('the installed plugin loads, and the host has nothing to complain about', async () => {
  const { gateway } = world
  const [validated, shown] = await Promise.all([
    gateway.must('config', 'validate'),
    gateway.must('plugins', 'inspect', 'ztm-chat', '--runtime', '--json'),
  ])
  expect(validated.stdout).toContain('Config valid')
  const inspected = inspection.parse(JSON.parse(shown.stdout))
  expect(inspected.plugin).toMatchObject({ status: 'loaded', channelIds: ['ztm-chat'] })
  expect(inspected.diagnostics).toEqual([])
  expect((await gateway.must('plugins', 'doctor')).stdout).toContain('checks passed')
})

test('status with a probe says of each account that it works', async () => {
  const { stdout } = await world.gateway.must('channels', 'status', '--channel', 'ztm-chat', '--probe')
  for (const account of ['paired', 'starred', 'open', 'listed', 'grouped', 'tooled', 'off'])
    expect(stdout).toMatch(new RegExp(`ZTM Chat ${account}: enabled, configured, running, connected, .*transport:.*works`))
})

test('after a restart of the gateway nothing is answered twice', async () => {
  const rita = world.chat('rita', 'open')
  await rita.says('said before')
  await rita.hears('model says: said before')
  await world.gateway.stop()
  await rita.says('said while it was away')
  await world.gateway.start()

  await rita.hears('model says: said while it was away')
  await rita.says('said after')
  await rita.hears('model says: said after')
  expect(rita.heard()).toEqual(['model says: said before', 'model says: said while it was away', 'model says: said after'])
})

test('killed while the model thinks, it answers once after the start', async () => {
  const kim = world.chat('kim', 'open')
  const held = world.model.hold(/think hard/)
  await kim.says('think hard')
  await until('the model is asked', () => world.model.about(/think hard/).length > 0, ANSWER_MS_MAX, world.tail)
  await world.gateway.kill()
  held.release()
  await startAfterKill(world.gateway, world.accounts)

  // OpenClaw resumes the turn by itself, and quotes the message with words of its own around it.
  const resumed = /^model says: .*think hard$/s
  await kim.hears(resumed)
  await kim.says('and now?')
  await kim.hears('model says: and now?')
  expect(kim.heard().filter(text => resumed.test(text))).toHaveLength(1)
})

const inspection = z.object({
  plugin: z.object({ status: z.string(), channelIds: z.array(z.string()) }),
  diagnostics: z.array(z.unknown()),
})
