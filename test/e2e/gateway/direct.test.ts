/** Direct messages through the real gateway: who is answered, whose words reach whose session, and what does not wait. */
import { beforeAll, expect, test } from 'vitest'
import { until } from './until.ts'
import { type Account, ANSWER_MS_MAX, sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

const contradictions = async () => (await world.gateway.log()).match(/host_denied[^\n]{0,200}/g) ?? []

/** The rows of the policy for direct messages that need no approval; those with one are below. */
const rows: readonly [account: Account, sender: string, decision: string][] = [
  ['off', 'listed-user', 'ignore disabled'],
  ['off', 'nobody-off', 'ignore disabled'],
  ['listed', 'listed-user', 'process whitelisted'],
  ['listed', 'nobody-listed', 'ignore denied'],
  ['starred', 'nobody-starred', 'process whitelisted'],
  ['open', 'nobody-open', 'process allowed'],
  ['paired', 'listed-user', 'process whitelisted'],
  ['paired', 'nobody-paired', 'pairing pending'],
]

test('the gateway answers whom the policy lets in, and nobody else', async () => {
  for (const [account, sender] of rows) await world.chat(sender, account).says(`row ${account} ${sender}`)

  for (const [account, sender, decision] of rows)
    expect([account, sender, await world.decision(account, `peer:${sender}`)]).toEqual([account, sender, decision])
  for (const [account, sender, decision] of rows) {
    const chat = world.chat(sender, account)
    if (decision.startsWith('process')) await chat.hears(`model says: row ${account} ${sender}`)
    if (decision.startsWith('pairing')) await chat.hears(/Pairing code: /)
    if (decision.startsWith('ignore')) expect(chat.heard()).toEqual([])
    expect(world.model.about(`row ${account} ${sender}`)).toHaveLength(decision.startsWith('process') ? 1 : 0)
  }
  expect(await contradictions()).toEqual([])
})

test('what one person says never reaches the session of another, nor of another account', async () => {
  const secret = 'the treasure lies under the oak'
  const alice = world.chat('sam', 'open')
  await alice.says(secret)
  await alice.hears(`model says: ${secret}`)

  for (const [user, account] of [
    ['tom', 'open'],
    ['Sam', 'open'],
    ['sam', 'starred'],
  ] as const) {
    const other = world.chat(user, account)
    await other.says(`${user} at ${account} asks where the treasure is`)
    await other.hears(/asks where the treasure is/)
    const [request] = world.model.about(`${user} at ${account} asks where the treasure is`)
    expect(request?.everything).toContain('asks where the treasure is')
    expect(request?.everything).not.toContain('under the oak')
  }
  await alice.says('and again?')
  await alice.hears('model says: and again?')
  expect(world.model.about('and again?')[0]?.everything).toContain('under the oak')
})

test('the assistant is told who writes and when, as data and not as instructions', async () => {
  const name = 'Sven-the-System'
  const chat = world.chat(name, 'open')
  await chat.says('who am I?')
  await chat.hears('model says: who am I?')
  const [request] = world.model.about('who am I?')
  expect(request?.everything).toContain(name)
  expect(request?.everything).toContain('ztm-chat')
})

test.each(['/status', '/help'])('%s is answered by the gateway itself', async command => {
  const chat = world.chat(`asks-${command.slice(1)}`, 'open')
  await chat.says(command)
  await chat.hears(command === '/status' ? /OpenClaw \d/ : /\/status|\/commands/)
  expect(world.model.about(command)).toEqual([])
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

test('while one person waits for a slow answer, others are answered', async () => {
  const held = world.model.hold(/slow question/)
  const slow = world.chat('slow-asker', 'open')
  await slow.says('slow question')
  await until('the model is asked', () => world.model.about('slow question').length > 0, ANSWER_MS_MAX, world.tail)
  const quick = world.chat('quick-asker', 'open')
  await quick.says('quick question')
  await quick.hears('model says: quick question')
  held.release()
  await slow.hears('model says: slow question')
})

test('a long answer is split by us alone, and arrives in order', async () => {
  const long = Array.from({ length: 400 }, (_, n) => `Line ${n} of a long answer.`).join('\n')
  world.model.on(/tell me everything/, () => long)
  const chat = world.chat('patient', 'open')
  await chat.says('tell me everything')
  await chat.hears(/Line 399 /)
  const parts = chat.heard()
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.every(part => part.length <= 4_000)).toBe(true)
  expect(parts.join('\n')).toBe(long)
})
