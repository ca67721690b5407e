/** Who writes in a group must be in its member list, and what happens while that list cannot be learnt. */
import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.ts'
import type { AgentRequest, AgentResponse } from '../../src/simulator/mesh/http.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

const TEAM = 'group:alice/team'
const MINUTE_MS = 60_000
const isMemberList = ({ method, target }: AgentRequest) => method === 'GET' && target.endsWith('/groups/alice/team')

const unknown = (): AgentResponse => ({ status: 404, headers: {}, body: new Uint8Array() })
const refused = (): AgentResponse => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}

/** A group of alice, bob and the bot, met; then its member list cannot be learnt until `learn` is called. */
async function groupWithoutList(answer: () => AgentResponse): Promise<{ world: World; learn: () => void }> {
  const world = createWorld({ config: { enableGroups: true, groupPolicy: 'open', requireMention: false } })
  for (const user of ['alice', 'bob', 'carol']) world.mesh.user(user)
  await world.start()
  await world.settle(5_000)
  await world.mesh.user('alice').creates('team', { name: 'Team', members: ['alice', 'bob', 'my-bot'] })
  await world.settle(10_000)
  return { world, learn: world.bot.agent.answer(answer, { when: isMemberList }) }
}

const decisions = (world: World) =>
  world.events.flatMap(event => (event.event === 'decision' ? [`${event.chat} ${event.sender}: ${event.action} ${event.reason}`] : []))

describe.each([
  ['404', unknown],
  ['refused', refused],
])('while the member list of a group is %s', (_, answer) => {
  test('a message of its member is held, nobody else waits, and after 10 minutes it is ignored as membership_unknown', async () => {
    const { world } = await groupWithoutList(answer)
    await world.mesh.user('bob').says('am I in?', TEAM)
    await world.mesh.user('carol').says('hi')
    await world.settle(10_000)
    expect(world.answers('carol')).toEqual(['echo: hi'])

    await world.settle(LIMITS.membershipHoldMs - MINUTE_MS)
    expect(decisions(world)).toEqual(['peer:carol carol: process allowed'])
    await world.settle(3 * MINUTE_MS)

    expect(decisions(world)).toEqual(['peer:carol carol: process allowed', `${TEAM} bob: ignore membership_unknown`])
    const [life] = await world.account.explain({ chat: TEAM, last: 1 })
    expect(life).toMatchObject({ sender: 'bob', decision: { action: 'ignore', reason: 'membership_unknown' } })
    expect(world.account.status().counters.ignored).toMatchObject({ membership_unknown: 1 })
    expect(world.answers('bob', TEAM)).toEqual([])
    await world.stop()
  })

  test('a message is held, and decided by the list when that is learnt in time', async () => {
    const { world, learn } = await groupWithoutList(answer)
    await world.mesh.user('bob').says('am I in?', TEAM)
    await world.settle(5 * MINUTE_MS)
    expect(decisions(world)).toEqual([])
    learn()
    await world.settle(2 * MINUTE_MS)

    expect(decisions(world)).toEqual([`${TEAM} bob: process allowed`])
    expect(world.answers('bob', TEAM)).toEqual(['echo: am I in?'])
    await world.stop()
  })

  test('a message of somebody who is not in it is ignored as not_a_member when the list is learnt in time', async () => {
    const { world, learn } = await groupWithoutList(answer)
    await world.mesh.user('bob').says('one more thing', TEAM)
    await world.mesh.user('alice').creates('team', { members: ['alice', 'my-bot'] })
    await world.settle(5 * MINUTE_MS)
    learn()
    await world.settle(2 * MINUTE_MS)

    expect(decisions(world)).toEqual([`${TEAM} bob: ignore not_a_member`])
    await world.stop()
  })

  test('a message of its creator needs no list', async () => {
    const { world } = await groupWithoutList(answer)
    await world.mesh.user('alice').says('hello', TEAM)
    await world.settle(10_000)

    expect(decisions(world)).toEqual([`${TEAM} alice: process creator`])
    await world.stop()
  })
})
