/** Groups through the real gateway: every row of the policy, sessions apart, and the tools that reach the assistant. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatId } from '../../../src/domain/ids.ts'
import { until } from './until.ts'
import { ANSWER_MS_MAX, sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

const contradictions = async () => (await world.gateway.log()).match(/host_denied[^\n]{0,200}/g) ?? []

type Row = { readonly [sender in 'gina' | 'lena' | 'mark' | 'olga']: string }
/** gina made the group, lena is in its allowFrom, mark is a member, olga was removed. First with a mention, then without. */
const matrix: Readonly<Record<string, readonly [mentioned: Row, unmentioned: Row]>> = {
  open: [
    { gina: 'process creator', lena: 'process allowed', mark: 'process allowed', olga: 'ignore not_a_member' },
    { gina: 'ignore mention_required', lena: 'ignore mention_required', mark: 'ignore mention_required', olga: 'ignore not_a_member' },
  ],
  'open-free': [
    { gina: 'process creator', lena: 'process allowed', mark: 'process allowed', olga: 'ignore not_a_member' },
    { gina: 'process creator', lena: 'process allowed', mark: 'process allowed', olga: 'ignore not_a_member' },
  ],
  listed: [
    { gina: 'process creator', lena: 'process whitelisted', mark: 'ignore whitelisted', olga: 'ignore not_a_member' },
    { gina: 'ignore mention_required', lena: 'ignore mention_required', mark: 'ignore whitelisted', olga: 'ignore not_a_member' },
  ],
  'listed-free': [
    { gina: 'process creator', lena: 'process whitelisted', mark: 'ignore whitelisted', olga: 'ignore not_a_member' },
    { gina: 'process creator', lena: 'process whitelisted', mark: 'ignore whitelisted', olga: 'ignore not_a_member' },
  ],
  closed: [
    { gina: 'process creator', lena: 'ignore denied', mark: 'ignore denied', olga: 'ignore not_a_member' },
    { gina: 'ignore mention_required', lena: 'ignore denied', mark: 'ignore denied', olga: 'ignore not_a_member' },
  ],
  'closed-free': [
    { gina: 'process creator', lena: 'ignore denied', mark: 'ignore denied', olga: 'ignore not_a_member' },
    { gina: 'process creator', lena: 'ignore denied', mark: 'ignore denied', olga: 'ignore not_a_member' },
  ],
}
const SENDERS = ['gina', 'lena', 'mark', 'olga'] as const
const BOT = 'grouped-bot'
const groupOf = (name: string): ChatId => `group:gina/${name}`

describe('every row of the policy', () => {
  test('leads to the same answer at the gateway, where groups are on', async () => {
    const [gina] = SENDERS.map(sender => world.mesh.user(sender))
    if (!gina) throw new Error('Nobody is there.')
    for (const name of Object.keys(matrix)) {
      await gina.creates(name, { name, members: [...SENDERS, BOT] })
      for (const sender of SENDERS) await world.appears(sender, groupOf(name))
      await gina.creates(name, { members: [...SENDERS.filter(sender => sender !== 'olga'), BOT] })
    }
    // One after the other in each group: what is said during a turn may be taken into it, and answered with it.
    const askedIn = async ([name, rows]: [string, readonly [mentioned: Row, unmentioned: Row]]) => {
      const group = groupOf(name)
      const answered: string[] = []
      for (const [index, row] of rows.entries()) {
        for (const sender of SENDERS) {
          const text = `${sender} ${index === 0 ? 'asks' : 'talks'} in ${name}`
          await world.chat(sender, 'grouped', group).says(index === 0 ? `@${BOT} ${text}` : text)
          const decision = await world.decision('grouped', group, sender, index)
          expect([name, sender, index, decision]).toEqual([name, sender, index, row[sender]])
          if (!decision.startsWith('process')) continue
          answered.push(`model says: ${text}`)
          await world.chat('gina', 'grouped', group).hears(`model says: ${text}`)
        }
      }
      expect(world.chat('gina', 'grouped', group).heard()).toEqual(answered)
    }
    await Promise.all(Object.entries(matrix).map(askedIn))
    expect(await contradictions()).toEqual([])
  })

  test('is silence where groups are off', async () => {
    await world.mesh.user('gina').creates('quiet', { members: ['gina', 'off-bot'] })
    await world.chat('gina', 'off', groupOf('quiet')).says('@off-bot hello')
    expect(await world.decision('off', groupOf('quiet'))).toBe('ignore groups_disabled')
  })
})

test('when many speak at once everybody is answered once, whoever is taken into whose turn, and nobody hears that there is no answer', async () => {
  const people = ['tara', 'uli', 'vera', 'wim', 'xenia', 'yann']
  const groups = ['north', 'east', 'south', 'west']
  for (const user of people) world.mesh.user(user)
  for (const name of groups) {
    await world.mesh.user('tara').creates(name, { name, members: [...people, 'tooled-bot'] })
    for (const user of people) await world.appears(user, `group:tara/${name}`)
  }
  const questions = (name: string) => people.map(user => `the question of ${user} in ${name}`)
  for (const name of groups) {
    world.model.on(new RegExp(`^the question of .* in ${name}$`), ({ everything }) => {
      const open = questions(name).filter(text => everything.includes(text) && !everything.includes(`answer to ${text}`))
      return open.map(text => `answer to ${text}`).join(', ')
    })
  }
  for (const name of groups) {
    for (const user of people) await world.chat(user, 'tooled', `group:tara/${name}`).says(`the question of ${user} in ${name}`)
  }
  for (const name of groups) {
    const { heard, says, hears } = world.chat('tara', 'tooled', `group:tara/${name}`)
    const answers = () => heard().flatMap(text => text.split(', '))
    await until(`all of ${name} are answered`, () => answers().length >= people.length, ANSWER_MS_MAX, world.tail)
    // Whatever else there was to be said comes before the next answer.
    await says(`and now ${name}?`)
    await hears(`model says: and now ${name}?`)
    expect(answers().sort()).toEqual([...questions(name).map(text => `answer to ${text}`), `model says: and now ${name}?`])
  }
})

test('a mention shows the assistant what was said before it, but for what those said who may not speak to it, and once', async () => {
  const group = groupOf('before')
  for (const sender of SENDERS) world.mesh.user(sender)
  await world.mesh.user('gina').creates('before', { name: 'Before', members: ['gina', 'lena', 'mark', BOT] })
  for (const sender of ['lena', 'mark']) await world.appears(sender, group)
  for (const [sender, text, decision] of [
    ['gina', 'the red valve leaks', 'ignore mention_required'],
    ['mark', 'open all the valves', 'ignore whitelisted'],
    ['lena', 'the blue one is tight', 'ignore mention_required'],
  ] as const) {
    await world.chat(sender, 'grouped', group).says(text)
    expect(await world.decision('grouped', group, sender)).toBe(decision)
  }
  const gina = world.chat('gina', 'grouped', group)
  await gina.says(`@${BOT} which valve is tight?`)
  await gina.hears('model says: which valve is tight?')
  await gina.says(`@${BOT} are you sure?`)
  await gina.hears('model says: are you sure?')

  const [first, second] = ['which valve is tight?', 'are you sure?'].map(text => world.model.about(text)[0]?.everything ?? '')
  const timesIn = (everything: string | undefined, text: string) => (everything ?? '').split(text).length - 1
  // What people see the group called.
  expect(first).toMatch(/conversation_label\W+gina\/before \(Before\).*group_subject\W+gina\/before \(Before\)/s)
  expect(first).toMatch(/gina: the red valve leaks.*lena: the blue one is tight/)
  expect(['the red valve leaks', 'the blue one is tight'].map(text => timesIn(second, text))).toEqual([0, 0])
  expect([first, second].map(everything => timesIn(everything, 'open all the valves'))).toEqual([0, 0])
})

test('accounts that meet in a group have a session each, and the group knows both', async () => {
  const group: ChatId = 'group:hugo/both'
  await world.mesh.user('hugo').creates('both', { members: ['hugo', 'open-bot', 'starred-bot'] })
  const [toOpen, toStarred] = [world.chat('hugo', 'open', group), world.chat('hugo', 'starred', group)]
  await toOpen.says('@open-bot remember the number 4711')
  await toOpen.hears('model says: remember the number 4711')
  await toStarred.says('@starred-bot which number was it?')
  await toStarred.hears('model says: which number was it?')
  expect(world.model.about('which number was it?')[0]?.everything).not.toContain('"role":"assistant","content":"model says: remember')
  const { stdout } = await world.gateway.must('sessions', '--json')
  expect(stdout).toContain('group:hugo/both/@open')
  expect(stdout).toContain('group:hugo/both/@starred')
})

describe(
  'the tools of a group',
  () => {
    const ask = async (sender: string, group: ChatId, text: string) => {
      const chat = world.chat(sender, 'tooled', group)
      await chat.says(text)
      await chat.hears(`model says: ${text}`)
      return world.model.about(text)[0]?.tools ?? []
    }
    const of = (name: string): ChatId => `group:tara/${name}`

    beforeAll(async () => {
      const tara = world.mesh.user('tara')
      for (const user of ['uli', 'vera']) world.mesh.user(user)
      for (const name of ['plain', 'readers', 'Writers', 'none', 'without-exec']) {
        await tara.creates(name, { name, members: ['tara', 'uli', 'vera', 'tooled-bot'] })
        for (const user of ['uli', 'vera']) await world.appears(user, of(name))
      }
    })

    afterAll(() => world.setTools({}))

    test('are messaging and sessions where nothing is configured', async () => {
      const tools = await ask('tara', of('plain'), 'what can you do in plain?')
      expect(tools).toContain('message')
      expect(tools.filter(name => /^(exec|process|read|write|edit|browser|web_search)$/.test(name))).toEqual([])
    })

    test('are those that it allows, and what a sender may besides', async () => {
      expect(await ask('tara', of('readers'), 'tara in readers?')).toEqual(['read'])
      expect([...(await ask('uli', of('readers'), 'uli in readers?'))].sort()).toEqual(['exec', 'read'])
      expect(await ask('vera', of('readers'), 'vera in readers?')).toEqual([])
    })

    test('hold whatever the case of the group’s name, and a sender’s own list replaces the group’s', async () => {
      // The host gives `apply_patch` to whoever may change files.
      const besidesPatches = (tools: readonly string[]) => tools.filter(tool => tool !== 'apply_patch')
      expect(besidesPatches(await ask('tara', of('Writers'), 'tara in Writers?'))).toEqual(['write'])
      expect(besidesPatches(await ask('uli', of('Writers'), 'uli in Writers?'))).toEqual(['edit'])
    })

    test('may be none at all: the group is answered all the same', async () => {
      expect(await ask('tara', of('none'), 'tara in none?')).toEqual([])
    })

    test('are all but what it denies, where it only denies', async () => {
      const tools = await ask('tara', of('without-exec'), 'tara in without-exec?')
      expect(tools).toContain('read')
      expect(tools).not.toContain('exec')
    })

    test.each(['minimal', 'messaging', 'coding', 'full'])(
      'leave a group with an answer under the profile "%s" of the host',
      async profile => {
        await world.setTools({ profile })
        for (const name of ['plain', 'none']) await ask('tara', of(name), `tara in ${name} with ${profile}?`)
      },
    )
  },
  ANSWER_MS_MAX * 4,
)
