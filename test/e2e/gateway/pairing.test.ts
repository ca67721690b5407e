/** Strangers, through the gateway's own store and its command line. */
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { ModelRequest } from './model-server.ts'
import { sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

const codeIn = (notice: string) => /openclaw pairing approve ztm-chat (\S+)/.exec(notice)?.[1] ?? ''

test('an approval on the command line is told to the stranger, and what was held is answered without a new message', async () => {
  // The first turn of a gateway loads the agent, for seconds: that is not what is looked at here.
  const friend = world.chat('friend-of-nina', 'open')
  await friend.says('are you up?')
  await friend.hears('model says: are you up?')
  const nina = world.chat('nina', 'paired')
  world.model.on(/words of nina/, request => `answer to ${openWords(request).join(' and ')}`)
  await nina.says('first words of nina')
  const code = codeIn(await nina.hears(/Pairing code: /))
  await nina.says('second words of nina')
  expect((await world.gateway.must('pairing', 'list', 'ztm-chat', '--account', 'paired')).stdout).toContain('nina')
  expect((await world.gateway.run('pairing', 'approve', 'ztm-chat', 'AAAAAAAA', '--account', 'paired')).code).not.toBe(0)

  expect((await world.gateway.must('pairing', 'approve', 'ztm-chat', code, '--account', 'paired')).stdout).toContain(
    'Approved ztm-chat sender nina',
  )
  const approvedMs = performance.now()
  await nina.hears(/approved/i)
  const toldMs = performance.now()
  await nina.hears(/^answer to .*first/)
  console.log(
    `From the end of "pairing approve": told after ${((toldMs - approvedMs) / 1_000).toFixed(1)} s, answered after ${((performance.now() - approvedMs) / 1_000).toFixed(1)} s.`,
  )
  await nina.hears(/^answer to .*second/)
  // The gateway may take the second into the turn of the first, which then answers both.
  const answered = nina.heard().flatMap(text => (text.startsWith('answer to') ? (text.match(WORDS) ?? []) : []))
  expect(answered).toEqual(['first words', 'second words'])
})

const WORDS = /(?:first|second) words/g
const asked = z.object({ messages: z.array(z.object({ role: z.string(), content: z.unknown() })) })

/** What was said since the last answer. */
function openWords({ everything }: ModelRequest): readonly string[] {
  const { messages } = asked.parse(JSON.parse(everything))
  const open = messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1)
  return [...new Set(open.flatMap(({ content }) => JSON.stringify(content).match(WORDS) ?? []))]
}

test('three strangers may wait at once; the next one is told nothing, and costs nothing', async () => {
  const pending = JSON.parse((await world.gateway.must('pairing', 'list', 'ztm-chat', '--account', 'paired', '--json')).stdout) as {
    requests: unknown[]
  }
  const free = 3 - pending.requests.length
  const strangers = Array.from({ length: free + 1 }, (_, n) => `stranger-${n}`)
  for (const name of strangers) {
    await world.chat(name, 'paired').says('let me in')
    expect(await world.decision('paired', `peer:${name}`)).toBe('pairing pending')
    if (name !== strangers.at(-1)) await world.chat(name, 'paired').hears(/Pairing code: /)
  }
  expect(world.chat(strangers.at(-1) ?? '', 'paired').heard()).toEqual([])
})
