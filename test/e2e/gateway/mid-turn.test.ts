/** What is said while a turn runs: commands about it are answered beside it. */
import { beforeAll, expect, test } from 'vitest'
import { until } from './until.ts'
import { ANSWER_MS_MAX, sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

async function turnUnderWay(user: string) {
  const chat = world.chat(user, 'open')
  const question = `${user} asks something hard`
  const held = world.model.hold(new RegExp(question))
  await chat.says(question)
  await until('the model is asked', () => world.model.about(question).length > 0, ANSWER_MS_MAX, world.tail)
  return { chat, question, held }
}

test('/status is answered while a turn of the same conversation runs, and the turn goes on', async () => {
  const { chat, question, held } = await turnUnderWay('mira')
  await chat.says('/status')
  await chat.hears(/OpenClaw \d/)
  expect(chat.heard()).toHaveLength(1)
  held.release()
  await chat.hears(`model says: ${question}`)
  expect(chat.heard()).toHaveLength(2)
})

test('/stop ends the turn, says so, and leaves the conversation free', async () => {
  const { chat, question, held } = await turnUnderWay('noel')
  await chat.says('/stop')
  await chat.hears(/abort|stop/i)
  held.release()
  await chat.says('and now?')
  await chat.hears('model says: and now?')
  expect(chat.heard()).not.toContain(`model says: ${question}`)
})
