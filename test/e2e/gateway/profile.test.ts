import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hostWork } from './profile.ts'

const SECOND_US = 1_000_000
const HOUR_MS = 3_600_000

/** The functions on each other, from the bottom: each in a file of one of the folders, or of Node. */
const STACKS = {
  1: ['node:internal/process'],
  2: ['node:internal/process', 'host/run.js', 'node:sqlite'],
  3: ['node:internal/process', 'host/run.js', 'plugin/node_modules/other/index.js'],
  4: ['plugin/index.js', 'host/sdk.js'],
  5: [''],
}

test('The host works where one of its functions is on the stack, and none of the plugin', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ztm-chat-profile-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const [profiles, host, plugin] = ['profiles', 'host', 'plugin'].map(name => join(root, name)) as [string, string, string]
  for (const folder of [profiles, host, plugin]) await mkdir(folder)
  const urlOf = (file: string) => (/^(host|plugin)\//.test(file) ? `file://${root}/${file}` : file)
  const nodes = Object.entries(STACKS).flatMap(([sample, stack]) =>
    stack.map((file, depth) => {
      const id = (at: number) => (at === stack.length - 1 ? Number(sample) : Number(sample) * 100 + at)
      return { id: id(depth), callFrame: { url: urlOf(file) }, ...(depth < stack.length - 1 && { children: [id(depth + 1)] }) }
    }),
  )
  const startTime = Math.round(Number(process.hrtime.bigint()) / 1e3)
  const beganMs = Date.now()
  const samples = [1, 2, 3, 4, 2, 5]
  const profile = { nodes, startTime, samples, timeDeltas: [0, ...samples.slice(1).map(() => SECOND_US)] }
  await writeFile(join(profiles, 'main.cpuprofile'), JSON.stringify(profile))
  await writeFile(join(profiles, 'other.cpuprofile'), '{}')

  const hostMs = await hostWork({ profiles, host, plugin })

  expect(hostMs(beganMs - HOUR_MS, beganMs + HOUR_MS)).toBeCloseTo(2_000)
  // The two clocks agree to a millisecond or two.
  expect(hostMs(beganMs + 1_500, beganMs + 4_250)).toBeCloseTo(750, -1)
  expect(hostMs(beganMs + 2_500, beganMs + 3_500)).toBe(0)
})
