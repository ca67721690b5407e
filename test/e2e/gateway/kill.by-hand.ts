/** The real gateway, killed in the middle of many conversations: whatever becomes of its turns, each message is answered once. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { cryptoRandom } from '../../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../../src/adapters/clock/system-clock.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../../src/simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../../src/simulator/mesh/serve.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { type ModelRequest, type ModelServer, startModelServer } from './model-server.ts'
import { installHost, packPlugin } from './package-under-test.ts'
import { startAfterKill } from './start-after-kill.ts'
import { until } from './until.ts'
import { type Conversation, conversation, MESH, modelConfig } from './world.ts'

const KILLS = Number(process.env['GATEWAY_KILLS'] ?? 10)
const USERS = 24
/** In each life. */
const WRITERS = 8
const MODEL_MS_MAX = 1_500
/** From the first question of a life to its end. */
const LIFE_MS_MAX = 6_000
/**
 * Kills that a conversation may meet with something open: the host gives a turn up when three lives in a row could not resume it, and
 * what it has taken over is its own.
 */
const MET_MAX = 2
/** All that is open, on busy cores. */
const ANSWERS_MS_MAX = 10 * 60_000
const TEST_MS_MAX = 40 * 60_000
const seed = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))

const BOT = 'bot'
const mesh = new SimMesh({ clock: systemClock, random: cryptoRandom, name: MESH, quirks: CALM })
let gateway: Gateway
let model: ModelServer
let agent: ServedAgent

const tail = async () => (await gateway.log()).slice(-8_000)

/** A gateway of its own: one that has died often starts no channel by itself, and others are not to suffer from that. */
beforeAll(async () => {
  await installHost()
  const tarball = await packPlugin()
  model = await startModelServer()
  agent = await serveAgent(mesh.user(BOT).agent)
  gateway = await createGateway()
  await gateway.configure(modelConfig(model.url))
  await gateway.must('plugins', 'install', `npm-pack:${tarball}`, '--force', '--accept-capabilities')
  await gateway.configure({ channels: { 'ztm-chat': { agentUrl: agent.url, meshName: MESH, username: BOT, dmPolicy: 'open' } } })
  await gateway.start()
})

afterAll(async () => {
  await gateway?.dispose()
  await agent?.close()
  await model?.close()
})

test(`${KILLS} kills of a gateway in the middle of ${USERS} conversations: each message is answered once`, {
  timeout: TEST_MS_MAX,
}, async () => {
  console.info(`KILL_SEED=${seed}`)
  const random = createSeededRandom(seed)
  const chats = Array.from({ length: USERS }, (_, index) => conversation(mesh.user(`crowd-${index}`), BOT, `peer:${BOT}`, tail))
  const written = new Map<Conversation, string[]>(chats.map(chat => [chat, []]))
  let count = 0
  const writes = async (chat: Conversation) => {
    const question = `question-${++count}`
    written.get(chat)?.push(question)
    await chat.says(`please answer ${question}`)
  }
  // A turn that the host has made of several messages answers all of them.
  model.on(QUESTION, async request => {
    await pause(random.integer(MODEL_MS_MAX))
    return `answer to ${askedAbout(request).join(' ')}`
  })
  const answers = (chat: Conversation) => chat.heard().flatMap(questionsIn)
  const open = (chat: Conversation) => {
    const answered = new Set(answers(chat))
    return (written.get(chat) ?? []).filter(question => !answered.has(question))
  }
  const isAnswered = (which: readonly Conversation[]) =>
    until(
      'everything is answered',
      () => which.every(chat => open(chat).length === 0),
      ANSWERS_MS_MAX,
      async () => `open: ${which.flatMap(open).join(' ')}\n${await tail()}`,
    )

  const met = new Map<Conversation, number>()
  const openAtDeath: number[] = []
  let metMost = 0
  let startedByHand = 0
  const beganMs = performance.now()
  for (let killed = 0; killed < KILLS; killed++) {
    await isAnswered(chats.filter(chat => met.get(chat) === MET_MAX))
    for (const chat of chats) if (open(chat).length === 0) met.set(chat, 0)
    const askedBefore = model.about(QUESTION).length
    const talking = Promise.all(
      shuffled(chats, random)
        .slice(0, WRITERS)
        .map(async chat => {
          await pause(random.integer(LIFE_MS_MAX))
          await writes(chat)
        }),
    )
    // Not before this life has asked anything: on a busy machine it takes its time until it does.
    await until('the model is asked', () => model.about(QUESTION).length > askedBefore, ANSWERS_MS_MAX, tail)
    await pause(random.integer(LIFE_MS_MAX))
    await gateway.kill()
    openAtDeath.push(chats.flatMap(open).length)
    for (const chat of chats) if (open(chat).length > 0) met.set(chat, (met.get(chat) ?? 0) + 1)
    metMost = Math.max(metMost, ...met.values())
    // Some of it is said while nobody is there.
    await talking
    if (await startAfterKill(gateway, ['default'])) startedByHand++
  }
  await isAnswered(chats)
  const killedMs = performance.now() - beganMs
  await gateway.stop()
  if (await startAfterKill(gateway, ['default'])) startedByHand++
  // Everybody once more: a second answer to what was said before would come before this one.
  for (const chat of chats) await writes(chat)
  await isAnswered(chats)
  const status = await gateway.must('ztm-chat', 'status', '--json')
  await gateway.stop()

  const inOrder = chats.filter(chat => answers(chat).join() === written.get(chat)?.join()).length
  console.info({
    kills: KILLS,
    conversations: USERS,
    messages: count,
    openAtDeath,
    metMost,
    startedByHand,
    mergedAnswers: chats.flatMap(chat => chat.heard()).filter(text => questionsIn(text).length > 1).length,
    modelRequests: model.about(QUESTION).length,
    conversationsInOrder: inOrder,
    killedMs: Math.round(killedMs),
    totalMs: Math.round(performance.now() - beganMs),
  })
  for (const chat of chats) expect(answers(chat).sort(), chat.heard().join('\n')).toEqual(written.get(chat)?.toSorted())
  expect(status.stdout).toMatch(/"deadLetters":\s*0/)
})

function shuffled<T>(items: readonly T[], random: { integer(below: number): number }): readonly T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(random.integer(left.length), 1))
}

const QUESTION = /question-\d+/
const questionsIn = (text: string): readonly string[] => text.match(new RegExp(QUESTION, 'g')) ?? []

const asked = z.object({ messages: z.array(z.object({ role: z.string(), content: z.unknown() })) })

/** What stands in the user's name behind the last answer; where nothing does, the host asks about that answer's question again. */
function askedAbout({ everything }: ModelRequest): readonly string[] {
  let questions = new Set<string>()
  let isAnswered = false
  for (const { role, content } of asked.parse(JSON.parse(everything)).messages) {
    if (role === 'assistant') isAnswered = true
    if (role !== 'user') continue
    const found = questionsIn(JSON.stringify(content))
    if (found.length === 0) continue
    if (isAnswered) questions = new Set()
    isAnswered = false
    for (const question of found) questions.add(question)
  }
  return [...questions]
}
