/** What one person has written is answered in the order in which it was written, though it stands in several files. */
import { expect, test } from 'vitest'
import type { AgentRequest } from '../../src/simulator/mesh/http.ts'
import { textOf } from '../../src/simulator/mesh/mesh.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

/** Fills its file: what comes next begins another one. */
const LONG = `one ${'and so on '.repeat(110)}`
const ANSWERS = ['echo: zero', `echo: ${LONG}`, 'echo: two']

const isFile =
  (path: string) =>
  ({ target }: AgentRequest): boolean =>
    target.includes('file-data') && decodeURIComponent(target).endsWith(path.slice(path.lastIndexOf('/')))

/** Two messages in two files, written while nobody read them. */
async function writesTwo(world: World): Promise<readonly string[]> {
  for (const text of [LONG, 'two']) {
    await world.mesh.user('alice').says(text)
    await world.settle(1_000)
  }
  const paths = world.mesh.reached('alice', `peer:${world.mesh.bot}`).flatMap(({ sender, path }) => (sender === 'alice' ? [path] : []))
  expect(new Set(paths.slice(-2)).size).toBe(2)
  return paths.slice(-2)
}

async function hasAnsweredZero(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.mesh.user('alice').says('zero')
  await world.settle(60_000)
  return world
}

test.each([1, 4])('a newer file waits for an older one of its sender that could not be read %i times', async times => {
  const world = await hasAnsweredZero()
  await world.stop()
  // Its chat app shows nothing: only files do.
  world.bot.agent.freeze()
  const [older] = await writesTwo(world)
  world.bot.agent.answer('error500', { when: isFile(older!), times })

  await world.start()
  await world.settle(120_000)

  expect(world.answers('alice')).toEqual(ANSWERS)
  await world.stop()
})

test('a file that stays unreadable holds up what came after it for a few seconds, and other people not at all', async () => {
  const world = await hasAnsweredZero()
  await world.stop()
  // Its chat app shows nothing: only files do.
  world.bot.agent.freeze()
  const [older] = await writesTwo(world)
  await world.mesh.user('bob').says('hi')
  world.bot.agent.answer('error500', { when: isFile(older!) })

  await world.start()
  await world.settle(3_000)
  expect(world.answers('bob')).toEqual(['echo: hi'])
  expect(world.answers('alice')).toEqual(['echo: zero'])
  await world.settle(30_000)

  expect(world.answers('alice')).toEqual(['echo: zero', 'echo: two'])
  await world.stop()
})

test('what the chat app shows too early waits for the files that are due', async () => {
  const world = createWorld()
  await world.start()
  await world.settle(5_000)
  // A post without an answer makes the next life ask the chat app, too.
  world.bot.agent.answer('lostAnswer', { when: ({ method, target }) => method === 'POST' && target.includes('/messages'), times: 1 })
  await world.mesh.user('alice').says('zero')
  await world.settle(150)
  await world.crash()
  await writesTwo(world)
  let asked = 0
  world.bot.agent.answer(
    async (_, pass) => {
      asked += 1
      const messages = JSON.parse(await textOf(await pass())) as { message: { text?: string } }[]
      const shown = messages.filter(({ message }) => message.text !== LONG)
      return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(shown)) }
    },
    { when: ({ method, target }) => method === 'GET' && target.includes('/peers/alice/messages'), times: 1 },
  )

  await world.start()
  await world.settle(120_000)

  expect(asked).toBe(1)
  expect(world.answers('alice')).toEqual(ANSWERS)
  await world.stop()
})

test('the parts of a long answer come in their order, and what was said next comes behind them', async () => {
  const part = (n: number, text: string) => `part ${n} of what there is to say about ${text} and not about anything else`
  const world = createWorld({
    config: { limits: { partCharacters: 80 } },
    responder: { respond: async ({ text }) => [1, 2, 3].map(n => part(n, text)).join('\n\n') },
  })
  await world.start()
  for (const text of ['one', 'two']) await world.mesh.user('alice').says(text)
  await world.settle(120_000)

  expect(world.answers('alice')).toEqual(['one', 'two'].flatMap(text => [1, 2, 3].map(n => part(n, text))))
  await world.stop()
})
