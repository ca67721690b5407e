/** The mesh takes posts to names that it does not have: whoever writes to one that somebody has typed is told. */
import { describe, expect, test } from 'vitest'
import { NobodyThere } from '../../src/domain/errors.ts'
import type { ChatId } from '../../src/domain/ids.ts'
import { createOutbound } from '../../src/plugin/outbound.ts'
import { createRunningAccounts } from '../../src/plugin/running.ts'
import { controlOf } from '../../src/runner/control/service.ts'
import { createRecipients } from '../../src/runtime/recipients.ts'
import { createWorld } from '../../src/simulator/world.ts'
import { settingsOf } from '../plugin/stand-ins.ts'

/**
 * alice and bob are online; dora wrote and is away; erik is away and only a member of a group; frank is away and only in allowFrom.
 */
async function mesh() {
  const world = createWorld({ config: { dmPolicy: 'pairing', allowFrom: ['frank', 'alice', 'dora'], enableGroups: true } })
  const { mesh } = world
  for (const name of ['bob', 'dora', 'erik']) mesh.user(name)
  await world.start()
  await mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'erik', 'my-bot'] })
  await mesh.user('dora').says('hello')
  await world.settle(30_000)
  for (const name of ['dora', 'erik']) mesh.user(name).agent.kill()
  await world.settle(180_000)
  const control = controlOf(world.runtime, 'default')
  const send = (chat: ChatId, key: string) => control({ do: 'send', account: null, chat, text: 'hi', key, files: [] })
  return { world, send }
}

const emptyList = () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: new TextEncoder().encode('[]') })
const because = (message: string) => new NobodyThere(message)

describe('whoever is known is written to, here or away', () => {
  test.each<ChatId>(['peer:alice', 'peer:bob', 'peer:dora', 'peer:erik', 'peer:frank', 'peer:my-bot', 'group:alice/team'])(
    '%s',
    async chat => {
      const { world, send } = await mesh()
      expect(await world.bot.gets('/users')).toEqual(['alice', 'bob', 'my-bot'])

      expect(await send(chat, 'k')).toMatchObject({ keys: [expect.stringMatching(/^cli.*k#0$/)] })
    },
  )
})

describe('nobody is written to whom neither mesh nor state knows', () => {
  test.each<[ChatId, string]>([
    [
      'peer:alcie',
      'Nobody on the mesh is known as alcie, so nothing was sent; write alice if that is who is meant, or send again when they are online.',
    ],
    [
      'peer:Bob',
      'Nobody on the mesh is known as Bob, so nothing was sent; write bob if that is who is meant, or send again when they are online.',
    ],
    ['peer:zachary', 'Nobody on the mesh is known as zachary, so nothing was sent; correct the name, or send again when they are online.'],
    [
      'peer:аlice',
      'Nobody on the mesh is known as аlice ‹Cyrillic, Latin›, so nothing was sent; write alice if that is who is meant, or send again when they are online.',
    ],
    [
      'group:alice/teem',
      'The mesh does not show group:alice/teem to my-bot, so nothing was sent; write group:alice/team if that is who is meant, or send again when its creator has added the bot.',
    ],
  ])('%s', async (chat, sentence) => {
    const { world, send } = await mesh()

    await expect(send(chat, 'k')).rejects.toThrow(because(sentence))
    await world.settle(60_000)

    expect(world.mesh.accepted.filter(({ to }) => JSON.stringify(to).includes(chat.replace(/^\w+:/, '')))).toEqual([])
  })
})

test('OpenClaw is told the same, and that another try is of no use', async () => {
  const { world } = await mesh()
  const running = createRunningAccounts()
  running.set('default', { handle: world.account, enter: work => work(), gone: new AbortController().signal })
  const outbound = createOutbound({
    running,
    clock: world.clock,
    freshKey: () => 'fresh',
    loadMedia: () => Promise.reject(new Error('There is no file.')),
    notDispatched: async (message, { retryable }) => new Error(`${message} (${retryable ? 'again' : 'never'})`),
  })
  const send = (to: string) => outbound.message.send!.text!({ cfg: {}, to, text: 'hi', accountId: 'default' })

  await expect(send('alcie')).rejects.toThrow(/^Nobody on the mesh is known as alcie, .* online\. \(never\)$/)
  expect(await send('dora')).toMatchObject({ messageId: 'fresh#0' })
})

describe('nobody is refused on the word of an agent', () => {
  test.each([
    ['that is down', 'down'],
    ['that has lost its hub', 'lost'],
    ['that does not answer', 'silent'],
  ] as const)('%s', async (_, trouble) => {
    const { world, send } = await mesh()
    if (trouble === 'down') world.bot.agent.kill()
    if (trouble === 'lost') world.bot.agent.answer(emptyList, { when: ({ target }) => target.endsWith('/users') })
    if (trouble === 'silent') world.bot.agent.answer('hang', { when: ({ target }) => target.endsWith('/users') })

    const sent = send('peer:alcie', 'k')
    await world.settle(6_000)

    expect(await sent).toMatchObject({ repeated: false })
  })
})

test('right after the agent came back nobody is refused: others may not be back yet', async () => {
  const { world, send } = await mesh()
  world.bot.agent.down()
  await world.settle(30_000)
  world.bot.agent.up()
  await world.settle(40_000)
  expect(world.account.status().state).toBe('live')
  expect(await send('peer:alcie', 'k')).toMatchObject({ repeated: false })
  await world.settle(60_000)
  await expect(send('peer:alcia', 'l')).rejects.toThrow(/^Nobody on the mesh/)
})

test('right after a start a name that nobody has is told all the same: who has just set the bot up may slip', async () => {
  const world = createWorld({ config: { dmPolicy: 'open' } })
  await world.start()
  await world.settle(5_000)
  const control = controlOf(world.runtime, 'default')
  const send = control({ do: 'send', account: null, chat: 'peer:alcie', text: 'hi', key: 'k', files: [] })
  await expect(send).rejects.toThrow(/^Nobody on the mesh is known as alcie/)
})

test('whoever was approved is known, also when nothing else is left of it', async () => {
  const { world } = await mesh()
  const { agent } = world.account
  const find = createRecipients({
    settings: settingsOf(),
    agent,
    clock: world.clock,
    chats: new Map(),
    isPaired: async user => user === 'gerd',
    isSettled: () => true,
  }).find
  await find('peer:gerd')
  await expect(find('peer:gerda')).rejects.toThrow(/^Nobody on the mesh/)
})

test('nobody is refused when there are more groups than are asked', async () => {
  const { world, send } = await mesh()
  for (let at = 0; at < 60; at++) await world.mesh.user('alice').creates(`g${at}`, { name: `g${at}`, members: ['alice', 'my-bot'] })
  await world.settle(60_000)
  expect(await send('peer:alcie', 'k')).toMatchObject({ repeated: false })
})

test('a group is found that the agent knows and its list does not show yet', async () => {
  const { world, send } = await mesh()
  world.bot.agent.answer(emptyList, { when: ({ target }) => target.includes('/chats') })
  await world.mesh.user('alice').creates('fresh', { name: 'Fresh', members: ['alice', 'my-bot'] })
  await world.settle(60_000)

  expect(await send('group:alice/fresh', 'k')).toMatchObject({ repeated: false })
})

test('what was sent once under its key is acknowledged without another look', async () => {
  const { world, send } = await mesh()
  await send('peer:bob', 'k')
  world.bot.agent.answer('hang')
  expect(await send('peer:bob', 'k')).toMatchObject({ repeated: true })
})
