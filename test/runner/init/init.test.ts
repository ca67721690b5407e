import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import JSON5 from 'json5'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, openWorld, run, writeConfig } from '../cli.ts'
import { onTerminal, type Terminal } from '../terminal.ts'

const NOBODY = 'http://127.0.0.1:9'

async function wizard(...more: readonly string[]) {
  const folder = await folderInTest()
  const begin = () => onTerminal(['init', '--state-dir', join(folder, 'state'), ...more], { cwd: folder })
  const written = async (name = 'ztm-chat.json5') => JSON5.parse(await readFile(join(folder, name), 'utf8'))
  return { folder, begin, written }
}

/** Takes what is offered from the mesh to the groups. */
async function asOffered(terminal: Terminal, agentUrl: string): Promise<void> {
  await terminal.answers('Step 1 of 6: URL of the ZTM agent', agentUrl)
  await terminal.shows('Step 2 of 6: the mesh')
  await terminal.answers('Number [1]:', '')
  await terminal.answers("Step 3 of 6: the bot's user on the mesh", '')
  await terminal.shows('Step 4 of 6: who may write to the bot directly?')
  await terminal.answers('Number [1]:', '')
  await terminal.answers('Users who may write without a code', '')
  await terminal.answers('Step 5 of 6: should the bot answer in groups? [y/N]', '')
}

describe('init', { timeout: 90_000 }, () => {
  test('asks, tests the connection, writes a config with comments, and starts the bot', async () => {
    const world = await openWorld()
    const { folder, begin, written } = await wizard()
    const terminal = begin()

    await terminal.answers('Step 1 of 6', 'localhost:7777')
    await terminal.shows('agentUrl is "localhost:7777"; expected an http or https URL')
    await asOffered(terminal, world.url)
    await terminal.shows('Step 6 of 6: summary')
    await terminal.shows('Connection test: works')
    await terminal.answers('Number [1]:', '')
    await terminal.shows('Who answers the messages?')
    await terminal.answers('Number [1]:', '7')
    await terminal.answers('Type a number from 1 to', '')
    await terminal.answers('Start the bot now? [Y/n]:', 'maybe')
    await terminal.answers('Type y or n.', '')
    await terminal.shows(`started with: ztm-chat run --config ./ztm-chat.json5 --responder echo --state-dir ${join(folder, 'state')}`)
    await terminal.shows('live')
    terminal.press('\x03')

    expect(await terminal.ended).toBe(0)
    expect(await written()).toEqual({
      agentUrl: world.url,
      meshName: 'demo-mesh',
      username: 'openclaw-bot',
      dmPolicy: 'pairing',
      allowFrom: [],
      enableGroups: false,
    })
    expect(((await stat(join(folder, 'ztm-chat.json5'))).mode & 0o777).toString(8)).toBe('600')
    expect(await readdir(folder)).toEqual(['state', 'ztm-chat.json5'])
  })

  test('goes on without an agent, asks for a permit then, and need not start', async () => {
    const { begin, written } = await wizard('--config', 'bot.json5')
    const terminal = begin()

    await terminal.answers('Step 1 of 6', NOBODY)
    await terminal.shows('No ZTM agent there')
    await terminal.answers('Number [1]:', '2')
    await terminal.answers('Step 2 of 6: the mesh, by name', 'home')
    await terminal.shows('Where does the permit to join the mesh come from?')
    await terminal.answers('Number [1]:', '2')
    await terminal.answers('Path of the permit file', './permit.json')
    await terminal.answers('Step 3 of 6', 'my-bot')
    await terminal.shows('Step 4 of 6')
    await terminal.answers('Number [1]:', '2')
    await terminal.answers('Users who may write, separated by commas', ' alice, bob ')
    await terminal.answers('Step 5 of 6', 'y')
    await terminal.answers('Number [1]:', '')
    await terminal.answers('Only when it is mentioned', 'n')
    await terminal.shows('Connection test: failed')
    await terminal.answers('Number [1]:', '')
    await terminal.shows('Who answers the messages?')
    await terminal.answers('Number [1]:', '2')
    await terminal.answers('The command', '')
    await terminal.shows('--responder exec: has no command')
    await terminal.answers('The command', "./answer.sh 'a b'")
    await terminal.answers('Start the bot now?', 'no')
    await terminal.shows(String.raw`Start it with: ztm-chat run --config bot.json5 --responder 'exec:./answer.sh '\''a b'\'''`)

    expect(await terminal.ended).toBe(0)
    expect(await written('bot.json5')).toEqual({
      agentUrl: NOBODY,
      meshName: 'home',
      permitSource: 'file',
      permitFilePath: './permit.json',
      username: 'my-bot',
      dmPolicy: 'allowlist',
      allowFrom: ['alice', 'bob'],
      enableGroups: true,
      groupPolicy: 'allowlist',
      requireMention: false,
    })
  })

  test('leaves a config that is there alone until somebody says otherwise, and then keeps what was in it', async () => {
    const world = await openWorld()
    const { folder, begin, written } = await wizard()
    const before = `// mine\n${JSON.stringify({ ...botAt(world.url), allowFrom: ['alice'], feed: 'poll' })}`
    const path = await writeConfig(folder, before, 'ztm-chat.json5')

    const leaving = begin()
    await leaving.shows('./ztm-chat.json5 is there already. What now?')
    await leaving.answers('Number [1]:', '3')
    expect(await leaving.ended).toBe(1)
    expect(await readFile(path, 'utf8')).toBe(before)

    const changing = begin()
    await changing.answers('Number [1]:', '1')
    await changing.answers(`Step 1 of 6: URL of the ZTM agent [${world.url}]`, '')
    await changing.answers('Number [1]:', '')
    await changing.answers('Step 3 of 6', '')
    // It was open.
    await changing.answers('Number [3]:', '1')
    await changing.answers('[alice] (- for none)', '-')
    await changing.answers('Step 5 of 6', '')
    await changing.shows('Save this configuration?')
    await changing.answers('Number [1]:', '')
    await changing.shows('./ztm-chat.json5; what was there is in ./ztm-chat.json5.bak')
    await changing.answers('Number [1]:', '')
    await changing.answers('Start the bot now?', 'n')
    expect(await changing.ended).toBe(0)
    expect(await written()).toEqual({
      ...botAt(world.url),
      dmPolicy: 'pairing',
      allowFrom: [],
      feed: 'poll',
      enableGroups: false,
    })
    expect(await readFile(`${path}.bak`, 'utf8')).toBe(before)
  })

  test('asks for the model of a chat completions API, and tells where its key belongs', async () => {
    const world = await openWorld()
    const { begin } = await wizard()
    const terminal = begin()
    await asOffered(terminal, world.url)
    await terminal.shows('Save this configuration?')
    await terminal.answers('Number [1]:', '')
    await terminal.answers('Number [1]:', '4')
    await terminal.answers('URL of its API', 'api.openai.com')
    await terminal.shows('expected the URL of a chat completions API')
    await terminal.answers('URL of its API', 'https://api.openai.com/v1')
    await terminal.answers('Name of the model', 'small 1')
    await terminal.shows('start the bot with ZTM_CHAT_OPENAI_KEY set to it.')
    await terminal.answers('Start the bot now?', 'n')
    await terminal.shows("--responder openai:https://api.openai.com/v1 --model 'small 1'")
    expect(await terminal.ended).toBe(0)
  })

  test.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('%s leaves at any question, and nothing is written', async (_, key) => {
    const world = await openWorld()
    const { folder, begin } = await wizard()
    const terminal = begin()
    await asOffered(terminal, world.url)
    await terminal.shows('Save this configuration?')
    terminal.press(key)

    expect(await terminal.ended).toBe(1)
    expect(terminal.screen()).toContain(
      `Left without a bot; "ztm-chat init --state-dir ${join(folder, 'state')}" asks again, and "ztm-chat run --state-dir ${join(folder, 'state')}" starts that of a config that is there.`,
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('asks for another file where it cannot write its own, and adds a bot to a config that has several', async () => {
    const world = await openWorld()
    const { folder, begin, written } = await wizard('--config', 'bot.yaml')
    await writeConfig(folder, { channels: { 'ztm-chat': {} } }, 'claw.json5')
    await writeConfig(folder, { accounts: { Work: botAt(NOBODY) } }, 'several.json5')
    const terminal = begin()

    await terminal.shows('bot.yaml does not end with .json5')
    await terminal.answers('Number [1]:', '1')
    await terminal.answers('Path of the new file', 'claw.json5')
    await terminal.shows('It is a whole OpenClaw config')
    await terminal.answers('Number [1]:', '1')
    await terminal.answers('Path of the new file', 'several.json5')
    await terminal.shows('several.json5 is there already. What now?')
    await terminal.answers('Number [1]:', '1')
    await terminal.shows('Which account?')
    await terminal.answers('Number [1]:', '2')
    await terminal.answers('Id of the new account', 'work')
    await terminal.shows('There is an account "work" already.')
    await terminal.answers('Id of the new account', 'Home')
    await asOffered(terminal, world.url)
    await terminal.shows('Save this configuration?')
    await terminal.answers('Number [1]:', '')
    await terminal.answers('Number [1]:', '')
    await terminal.answers('Start the bot now?', 'n')

    expect(await terminal.ended).toBe(0)
    expect(await written('several.json5')).toMatchObject({ accounts: { Work: botAt(NOBODY), home: { agentUrl: world.url } } })
  })

  test('without a terminal is refused, with another way', async () => {
    const { folder } = await wizard()
    const ended = await run(['init'], { cwd: folder })
    expect(ended).toMatchObject({
      code: 2,
      out: [],
      err: 'ztm-chat: init asks questions, and needs a terminal; without one write ./ztm-chat.json5 yourself (meshName and username are enough), and look at it with "ztm-chat doctor".\n',
    })
    expect(await readdir(folder)).toEqual([])
  })
})
