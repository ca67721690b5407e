import { homedir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { eventLine } from '../../src/runner/event-line.ts'
import { defaultStateDir } from '../../src/runner/state-dir.ts'
import { type Place, typed, typedIn } from '../../src/runner/typed.ts'
import { botAt, folderInTest, openWorld, run, writeConfig } from './cli.ts'

const HOME = join(homedir(), '.local/state/ztm-chat')

test.each<[string, Place, string]>([
  ['nothing is named', {}, 'ztm-chat status'],
  ['the defaults are named', { config: './ztm-chat.json5', stateDir: defaultStateDir({}) }, 'ztm-chat status'],
  ['a state directory is', { stateDir: '/var/lib/bot' }, 'ztm-chat status --state-dir /var/lib/bot'],
  ['a config is', { config: 'two.json5', stateDir: HOME }, 'ztm-chat status --config two.json5'],
  ['both are', { config: 'two.json5', stateDir: 's' }, 'ztm-chat status --config two.json5 --state-dir s'],
  [
    'it is a fleet',
    { stateDir: 's', admin: 'http://r:9070', ingress: 'http://r:8080' },
    'ztm-chat status --admin http://r:9070 --ingress http://r:8080',
  ],
  ['it is a service of one', { admin: 'http://r:9070' }, 'ztm-chat status'],
  ['one has blanks', { stateDir: 'my bots/one' }, "ztm-chat status --state-dir 'my bots/one'"],
  ['one has what a shell obeys', { config: "$(id)'s.json5" }, "ztm-chat status --config '$(id)'\\''s.json5'"],
])('where %s, a command is printed as it has to be typed', (_, place, expected) => {
  expect(typed('status', place)).toBe(expected)
})

test('a move is named with both of its ends, and what a command names itself is left to it', () => {
  const place = { config: 'two.json5', stateDir: 's', admin: 'http://r:9070', ingress: 'http://r:8080' }
  expect(typed('fleet import', place)).toBe(
    'ztm-chat fleet import --config two.json5 --admin http://r:9070 --ingress http://r:8080 --state-dir s',
  )
  expect(typed('fleet export --state-dir NEW --ingress http://q:8080', place)).toBe(
    'ztm-chat fleet export --state-dir NEW --ingress http://q:8080 --config two.json5 --admin http://r:9070',
  )
})

test('every command of ours in a sentence is, and nothing else that stands in quotes', () => {
  const sentence = 'Write "alice", then "ztm-chat run", or "ztm-chat pairing list"; not "openclaw ztm-chat status".'
  expect(typedIn(sentence, { stateDir: 's' })).toBe(
    'Write "alice", then "ztm-chat run --state-dir s", or "ztm-chat pairing list --state-dir s"; not "openclaw ztm-chat status".',
  )
})

test.each([
  [
    { event: 'pairing', state: 'pending', user: 'eve', code: 'ABCDEFGH' } as const,
    /eve asks to be let in: ztm-chat pairing approve ABCDEFGH --state-dir s$/,
  ],
  [
    { event: 'dead-letter', chat: 'peer:eve', id: 'c92f19a2a4654de3e36e5404', reason: 'it failed' } as const,
    /\(kept: ztm-chat deadletter list --state-dir s\)$/,
  ],
])('a line of "run" names the command for this bot: %j', (event, expected) => {
  expect(stripVTControlCharacters(eventLine({ account: 'default', atMs: 0, ...event }, { stateDir: 's' }) ?? '')).toMatch(expected)
})

describe('a bot that was named by its config and its state', { timeout: 60_000 }, () => {
  test.each<[readonly string[], string]>([
    [['status'], '"ztm-chat run --config bot.json5 --state-dir \'the state\'" starts it'],
    [['send', '--to', 'alice', 'hi'], 'start it with "ztm-chat run --config bot.json5 --state-dir \'the state\'"'],
    [['pairing', 'approve', 'ABCDEFGH'], '"ztm-chat pairing list --config bot.json5 --state-dir \'the state\'" shows'],
    [['pairing', 'revoke', 'alice'], '"ztm-chat users --config bot.json5 --state-dir \'the state\'" shows'],
    [['deadletter', 'retry', 'x'], '"ztm-chat deadletter list --config bot.json5 --state-dir \'the state\'" shows'],
    [['deadletter', 'drop'], '"ztm-chat deadletter drop ID --config bot.json5 --state-dir \'the state\'", or'],
    [['explain'], '"ztm-chat explain MESSAGE-ID --config bot.json5 --state-dir \'the state\'", or'],
    [['explain', '--chat', 'alice'], '"ztm-chat chats --config bot.json5 --state-dir \'the state\'" lists'],
    [['init'], 'look at it with "ztm-chat doctor --config bot.json5 --state-dir \'the state\'"'],
  ])(`is named again by what %j tells people to type`, async (args, expected) => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    await writeConfig(folder, botAt(world.url))
    const { out, err } = await run([...args, '--config', 'bot.json5', '--state-dir', 'the state'], { cwd: folder })
    expect(`${out.join('\n')}${err}`).toContain(expected)
  })

  test('is named again where its config is missing', async () => {
    const ended = await run(['doctor', '--config', 'none.json5', '--state-dir', 's'], { cwd: await folderInTest() })
    expect(ended.out.join('\n')).toContain('none.json5 does not exist; "ztm-chat init --config none.json5 --state-dir s" writes one')
  })
})
