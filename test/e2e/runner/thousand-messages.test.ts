import { join } from 'node:path'
import { expect, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, startInTest, worldOf, writeConfig } from '../../runner/cli.ts'

const USERS = 100
const EACH = 10
/** What two cores need, several times over. */
const TEST_MS_MAX = 5 * 60_000
const ANSWERS_MS_MAX = 2 * 60_000

const users = Array.from({ length: USERS }, (_, index) => `user-${index}`)
const texts = Array.from({ length: EACH }, (_, index) => `message ${index}`)

test(`${USERS * EACH} messages of ${USERS} users are each answered once, in order, and not again after a restart`, {
  timeout: TEST_MS_MAX,
}, async () => {
  const agent = startInTest(['agent', '--port', '0', '--json'])
  const world = worldOf(await agent.line(({ event }) => event === 'ready'))
  const folder = await folderInTest()
  const config = await writeConfig(folder, botAt(world.url))
  const args = ['run', '--config', config, '--state-dir', join(folder, 'state'), '--responder', 'echo', '--json']
  const first = startInTest(args)
  await first.line(isLive)

  await Promise.all(
    users.map(async user => {
      for (const text of texts) await world.says(user, text)
    }),
  )
  await expect.poll(() => first.lines(isSent).length, { timeout: ANSWERS_MS_MAX }).toBe(USERS * EACH)

  const answered = texts.map(text => `echo: ${text}`)
  for (const user of users) await expect.poll(() => world.answersTo(user), { timeout: 10_000 }).toEqual(answered)
  expect((await first.stop()).code).toBe(0)

  const second = startInTest(args)
  await second.line(isLive)
  // Each of them is looked at again: what was answered before is not, and what is new is.
  await Promise.all(users.map(user => world.says(user, 'after the restart')))
  await expect.poll(() => second.lines(isSent).length, { timeout: ANSWERS_MS_MAX }).toBe(USERS)
  for (const user of users)
    await expect.poll(() => world.answersTo(user), { timeout: 10_000 }).toEqual([...answered, 'echo: after the restart'])
  expect(second.lines(({ event }) => event === 'dispatch')).toHaveLength(USERS)
  expect((await second.stop()).code).toBe(0)
})
