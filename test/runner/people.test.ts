import { cp } from 'node:fs/promises'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, openWorld, run, startInTest, writeConfig } from './cli.ts'
import { onTerminal } from './terminal.ts'

/** alice is in a list, dora and erik are strangers; alice has a group with the bot. */
async function busyBot() {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(
    folder,
    botAt(world.url, {
      dmPolicy: 'pairing',
      allowFrom: ['alice'],
      enableGroups: true,
      groupPermissions: { 'alice/team': { allowFrom: ['bob'] } },
    }),
  )
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  const runner = startInTest(['run', ...at, '--json'])
  await runner.line(isLive)
  await world.says('alice', 'hello')
  await runner.line(isSent)
  await world.says('dora', 'let me in')
  await runner.line(({ event }) => event === 'pairing')
  await world.answersTo('erik')
  await world.creates('alice', 'team', ['alice', 'bob', 'openclaw-bot'], 'The Te\u0430m\u202e')
  await world.says('alice', 'hi all', 'group:alice/team')
  await runner.line(({ chat, event }) => event === 'decision' && chat === 'group:alice/team')
  const ask = async (command: string, ...more: readonly string[]) => run([command, ...at, ...more])
  const json = async (command: string, ...more: readonly string[]) =>
    (await ask(command, '--json', ...more)).out.map(line => JSON.parse(line))
  return { world, at, runner, ask, json }
}

/** An agent that answers as it is told; gone with the test. */
async function serveInTest(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('chats, users and groups', { timeout: 90_000 }, () => {
  test('tell the same of a bot that runs and of one that is stopped', async () => {
    const { runner, ask, json, world, at } = await busyBot()
    const looks = async () => ({ chats: await json('chats'), users: await json('users'), groups: await json('groups') })
    await expect.poll(async () => (await json('chats')).every(({ toSend }) => toSend === 0), { timeout: 20_000 }).toBe(true)

    const running = await looks()

    const some = expect.any(Number)
    const none = { account: 'default', name: null, lastAtMs: some, waiting: 0, held: 0, toSend: 0, deadLetters: 0 }
    expect(running.chats).toEqual([
      {
        ...none,
        chat: 'group:alice/team',
        name: 'The Te\u0430m\u202e',
        last: { sender: 'alice', action: 'ignore', reason: 'mention_required' },
      },
      { ...none, chat: 'peer:dora', last: { sender: 'dora', action: 'pairing', reason: 'pending' }, held: 1 },
      { ...none, chat: 'peer:alice', last: { sender: 'alice', action: 'process', reason: 'whitelisted' } },
    ])
    expect(running.users).toEqual([
      { account: 'default', user: 'alice', online: true, action: 'process', detail: '"alice" is in allowFrom', lastAtMs: some },
      {
        account: 'default',
        user: 'dora',
        online: true,
        action: 'pairing',
        detail: expect.stringContaining('not approved'),
        lastAtMs: some,
      },
      {
        account: 'default',
        user: 'erik',
        online: true,
        action: 'pairing',
        detail: expect.stringContaining('not approved'),
        lastAtMs: null,
      },
    ])
    expect(running.groups).toEqual([
      {
        account: 'default',
        creator: 'alice',
        group: 'team',
        name: 'The Te\u0430m\u202e',
        members: ['alice', 'bob', 'openclaw-bot'],
        answered: 'alice, bob; when the bot is mentioned',
        lastAtMs: some,
      },
    ])
    expect((await json('chats', '--last', '1')).map(({ chat }) => chat)).toEqual(['group:alice/team'])
    const shownName = 'The Te\u0430m\\u{202e} ‹Cyrillic, Latin›'
    expect((await ask('groups')).out.map(line => line.split('\t')[1])).toEqual([shownName])
    expect((await ask('chats')).out.map(line => line.split('\t').at(-1))).toEqual([shownName, '–', '–'])
    await runner.stop()
    expect(await looks()).toEqual(running)

    await world.agentOf('openclaw-bot', 'down')
    const alone = await ask('users')
    expect(alone).toMatchObject({ code: 1, err: expect.stringContaining('Is the ZTM agent running there?') })
    expect(alone.out.map(line => line.split('\t').slice(0, 3))).toEqual([
      ['alice', '?', 'yes'],
      ['dora', '?', 'after pairing'],
    ])
    expect((await ask('groups')).out.map(line => line.split('\t').slice(0, 3))).toEqual([['alice/team', '–', '?']])
    const chatsAlone = await ask('chats')
    expect(chatsAlone).toMatchObject({ code: 0, err: '' })
    expect(chatsAlone.out.map(line => line.split('\t').at(-1))).toEqual(['–', '–', '–'])
    expect((await run(['chats', '--account', 'other', ...at])).code).toBe(2)
  })

  test('ask all agents at once for the names of groups, and go without those of one that hangs', async () => {
    const { at, runner } = await busyBot()
    await runner.stop()
    const [, , , stateDir = ''] = at
    const kept = join(stateDir, 'accounts')
    for (const name of ['one', 'two']) await cp(join(kept, 'default'), join(kept, name), { recursive: true })
    // The first is answered when the second is asked, too, who is never answered.
    const [first, second] = [Promise.withResolvers<ServerResponse>(), Promise.withResolvers<ServerResponse>()]
    const url = await serveInTest(({ url = '' }, response) => (url.includes('/meshes/hangs/') ? second : first).resolve(response))
    const list = JSON.stringify([{ creator: 'alice', group: 'team', name: 'The Team', time: 1, updated: 1 }])
    const answered = Promise.all([first.promise, second.promise]).then(([response]) => response.end(list))
    const bot = { agentUrl: url, username: 'my-bot', apiTimeout: 1_000 }
    const accounts = { one: { ...bot, meshName: 'home' }, two: { ...bot, meshName: 'hangs' } }
    const config = await writeConfig(stateDir, { accounts }, 'two.json5')

    const [{ code, out, err }] = await Promise.all([run(['chats', '--config', config, '--state-dir', stateDir, '--json']), answered])

    expect({ code, err }).toEqual({ code: 0, err: '' })
    const groups = out.map(line => JSON.parse(line)).filter(({ chat }) => chat === 'group:alice/team')
    expect(Object.fromEntries(groups.map(({ account, name }) => [account, name]))).toEqual({ one: 'The Team', two: null })
  })

  describe('of 20 groups', () => {
    const keys = Array.from({ length: 20 }, (_, n) => `g${n}`)
    async function askedFor(answer: (group: string, response: ServerResponse) => void) {
      const url = await serveInTest(({ url = '' }, response) => {
        const [, group] = /\/groups\/alice\/(g\d+)$/.exec(url) ?? []
        if (group !== undefined) answer(group, response)
        else response.end(JSON.stringify(keys.map(key => ({ creator: 'alice', group: key, name: `Listed ${key}`, time: 1, updated: 1 }))))
      })
      const folder = await folderInTest()
      const config = await writeConfig(folder, { agentUrl: url, meshName: 'home', username: 'my-bot', apiTimeout: 1_000 })
      const ended = await run(['groups', '--config', config, '--state-dir', join(folder, 'state'), '--json'])
      return { ...ended, groups: ended.out.map(line => JSON.parse(line)) }
    }
    const memberList = (group: string) => JSON.stringify({ creator: 'alice', group, name: `Asked ${group}`, members: ['alice'] })

    test('the members are asked for eight at a time', async () => {
      const open = new Map<string, ServerResponse>()
      let most = 0
      let count = 0
      const { code, groups } = await askedFor((group, response) => {
        open.set(group, response)
        count += 1
        most = Math.max(most, open.size)
        if (open.size < 8 && count < keys.length) return
        for (const [asked, waiting] of open) waiting.end(memberList(asked))
        open.clear()
      })

      expect(code).toBe(0)
      expect(groups).toHaveLength(20)
      expect(new Set(groups.map(({ members }) => String(members)))).toEqual(new Set(['alice']))
      expect(most).toBe(8)
    })

    test('the names stay when the agent hangs on the members of one', async () => {
      const { code, err, groups } = await askedFor((group, response) => {
        if (group !== 'g0') response.end(memberList(group))
      })

      expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('got no whole answer within 1 s') })
      expect(groups.find(({ group }) => group === 'g0')).toMatchObject({ name: 'Listed g0', members: null })
      expect(groups.find(({ group }) => group === 'g1')).toMatchObject({ name: 'Asked g1', members: ['alice'] })
    })
  })

  test('are tables on a terminal, and lines with tabs elsewhere', async () => {
    const { ask, at } = await busyBot()

    expect((await ask('users')).out[0]).toMatch(/^alice\tyes\tyes\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\t"alice" is in allowFrom$/)
    const terminal = onTerminal(['users', ...at])
    expect(await terminal.ended).toBe(0)
    const [head = '', first = ''] = terminal.screen().split('\n')
    expect(head).toMatch(/^USER {3}ONLINE {2}ANSWERED +LAST +WHY$/)
    expect(first.indexOf('"alice"')).toBe(head.indexOf('WHY'))
  })

  test('of a bot that never ran there are none', async () => {
    const folder = await folderInTest()
    const config = await writeConfig(folder, botAt('http://127.0.0.1:9'))
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    expect(await run(['chats', ...at])).toMatchObject({ code: 0, out: ['No chats are known yet.'], err: '' })
    expect(await run(['groups', ...at])).toMatchObject({ code: 1, out: ['The bot is in no group.'] })
    expect(await run(['status', ...at])).toMatchObject({
      code: 0,
      out: [
        expect.stringMatching(
          /^not running, and never ran with this state directory; "ztm-chat run --config .* --state-dir .*" starts it$/,
        ),
      ],
    })
  })
})
