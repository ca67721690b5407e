/** A new user's way through the README without OpenClaw: its config, its script, its command lines, as they stand there. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isCommand } from '../../docs/command-line.ts'
import { commandLines, commandRows, words } from '../../docs/commands.ts'
import { codeBlocks, documentAt, section } from '../../docs/markdown.ts'
import { type Ended, isLive, type Line, type Running, start } from '../../runner/cli.ts'

const readme = documentAt('README.md')
const ours = section(readme, 'A real bot without OpenClaw')
const shown = [
  ...commandLines(readme.replace(section(readme, 'Install in OpenClaw'), ''), ['ztm-chat']).map(line =>
    line.replace(/^(npx )?ztm-chat /, ''),
  ),
  ...commandRows(ours, isCommand).flatMap(({ commands }) => commands),
]

/** What is not followed here, and the test that runs it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  demo: 'test/runner/command-line.test.ts',
  init: 'test/runner/init/init.test.ts',
  statecharts: 'test/runner/statecharts.test.ts',
  serve: 'test/e2e/cluster/fleet.ts',
  feed: 'test/e2e/cluster/fleet.ts',
  inspect: 'test/e2e/cluster/inspect.test.ts',
  'fleet import': 'test/e2e/cluster/moving.test.ts',
  'fleet export': 'test/e2e/cluster/moving.test.ts',
}

/** The script of the README; while there is a file `broken` it fails. */
const answer = (codeBlocks(ours).find(({ code }) => code.includes('# answer.sh'))?.code ?? '').replace('\n', '\ntest -e broken && exit 1\n')

let folder: string
let agent: Running
let runner: Running
/** The shell's way to write as alice, and to read, that the agent prints. */
let write: { readonly body: string; readonly url: string }
let inboxUrl: string
const followed = new Set<string>()

/** Where the README's lines and this machine differ. `here` is what its placeholders stand for. */
function startAs(line: string, here: Readonly<Record<string, string>> = {}, ...more: readonly string[]): Running {
  if (!shown.includes(line)) throw new Error(`The README does not show "${line}".`)
  followed.add(line)
  const args = words(line).map(word => here[word] ?? word)
  return start([...args, ...more], { cwd: folder, env: { HOME: folder, XDG_STATE_HOME: '', ZTM_CHAT_LOG_LEVEL: 'error' } })
}

async function follow(line: string, here: Readonly<Record<string, string>> = {}, ...more: readonly string[]): Promise<Ended> {
  const ended = await startAs(line, here, ...more).ended
  expect(ended, line).toMatchObject({ code: 0, err: '' })
  return ended
}

const output = ({ out }: Ended) => out.join('\n')
const says = (text: string) => fetch(write.url, { method: 'POST', body: write.body.replace('"hello"', JSON.stringify(text)) })
const heard = async () =>
  ((await (await fetch(inboxUrl)).json()) as readonly { sender: string; message: { text: string } }[])
    .filter(({ sender }) => sender === 'my-bot')
    .map(({ message }) => message.text)
const hears = (text: string | RegExp) =>
  expect
    .poll(async () => (await heard()).find(one => (typeof text === 'string' ? one === text : text.test(one))) ?? null, { timeout: 60_000 })
    .not.toBeNull()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ztm-chat-readme-'))
})

afterAll(async () => {
  for (const process of [runner, agent]) await process?.stop('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

test('the simulated agent is one for the config of the README, and tells how to write as alice', async () => {
  agent = startAs('agent --bot my-bot --mesh home', {}, '--port', '0')
  const printed = () => agent.out.join('\n')
  await expect.poll(printed, { timeout: 60_000 }).toContain('Read as alice:')
  const [, body = '', url = ''] = /Write as alice:\s+curl -d '(.*)' (\S+)/.exec(printed()) ?? []
  write = { body, url }
  inboxUrl = /Read as alice:\s+curl (\S+)/.exec(printed())?.[1] ?? ''
  const agentUrl = /(http:\S+)\s+agent of the bot my-bot/.exec(printed())?.[1] ?? ''

  const config = codeBlocks(ours).find(({ language }) => language === 'json5')?.code ?? ''
  expect(config).toMatch(/^\/\/ ztm-chat\.json5\n/)
  expect(config).toContain("agentUrl: 'http://localhost:7777'")
  await writeFile(join(folder, 'ztm-chat.json5'), config.replace('http://localhost:7777', agentUrl))
  await writeFile(join(folder, 'answer.sh'), answer)
  await chmod(join(folder, 'answer.sh'), 0o755)
})

test('a bot without anything but its config answers as an echo, and serves its page', async () => {
  const echo = startAs('run --inspect', {}, '--json')
  const { url } = await echo.line(({ event }) => event === 'inspector')
  await echo.line(isLive)
  const { origin, hash } = new URL(String(url))
  const token = new URLSearchParams(hash.slice(1)).get('token') ?? ''

  expect(await (await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()).toContain('ztm_chat_up')
  expect(await (await fetch(`${origin}/status?token=${token}`)).json()).toMatchObject({ accounts: [{ status: { state: 'live' } }] })
  expect((await fetch(`${origin}/metrics`)).status).toBe(401)
  expect(await echo.stop('SIGINT')).toMatchObject({ code: 0, err: '' })
})

test('a stranger gets a code, the owner approves it, and the script answers', async () => {
  runner = startAs('run --responder exec:./answer.sh', {}, '--json')
  await runner.line(isLive)
  await says('hello')
  await hears(/ztm-chat pairing approve \S+$/)
  const code = /approve (\S+)$/.exec((await heard())[0] ?? '')?.[1] ?? ''

  expect(output(await follow('pairing list'))).toContain(code)
  await follow('pairing approve 9Z7YZXJJ', { '9Z7YZXJJ': code })
  expect(await startAs('pairing approve CODE', { CODE: code }).ended).toMatchObject({ code: 1, err: expect.stringContaining(code) })

  await hears('You said: hello')
})

test('the owner sees how it is, why it answered, and writes unasked', async () => {
  const { id } = await runner.line(({ event }) => event === 'dispatch')

  expect(output(await follow('status'))).toContain('running as process')
  expect(output(await follow('chats'))).toContain('peer:alice')
  expect(output(await follow('users'))).toContain('alice')
  await follow('groups')
  expect(output(await follow('doctor'))).toContain('my-bot')
  for (const line of ['explain ID', 'explain --chat alice --last 5', 'explain --chat alice']) {
    expect(output(await follow(line, { ID: String(id) })), line).toContain(String(id))
  }
  for (const _ of ['once', 'and again']) await follow('send --to alice TEXT', { TEXT: 'news' }, '--key', 'news-1')
  const other = await startAs('send --to alice TEXT', { TEXT: 'other news' }, '--key', 'news-1').ended
  expect(other).toMatchObject({ code: 1, err: expect.stringContaining('news-1') })
  await writeFile(join(folder, 'picture.png'), 'not really')
  await follow('send --to alice TEXT', { TEXT: 'see' }, '--file', 'picture.png')
  await hears('see')
  expect((await heard()).filter(text => text === 'news')).toEqual(['news'])
})

test('the state is copied while the bot runs', async () => {
  expect(output(await follow('backup FOLDER', { FOLDER: 'copy' }))).toMatch(/^The state of 1 account is in \S+\/copy \(/)
})

test('what was given up is kept, tried again or dropped', async () => {
  await writeFile(join(folder, 'broken'), '')
  await says('one')
  await says('two')
  await expect.poll(() => runner.lines(({ event }) => event === 'dead-letter').length, { timeout: 60_000 }).toBe(2)
  const [one, two] = output(await follow('deadletter list'))
    .split('\n')
    .map(line => line.split('\t')[0] ?? '')

  await rm(join(folder, 'broken'))
  await follow('deadletter retry ID', { ID: one ?? '' })
  await follow('deadletter drop ID', { ID: two ?? '' })

  await hears(/^You said: (one|two)$/)
  expect(output(await follow('deadletter list'))).toBe('There are no dead letters.')
})

test('an approval is taken back, and the next code is turned down', async () => {
  const isPending = (line: Line) => line.event === 'pairing' && line['state'] === 'pending'
  await follow('pairing revoke USER', { USER: 'alice' })
  await says('am I still in?')
  await expect.poll(() => runner.lines(isPending).length, { timeout: 60_000 }).toBe(2)

  await follow('pairing reject CODE', { CODE: String(runner.lines(isPending)[1]?.['code']) })

  expect((await heard()).filter(text => text.includes('am I still in?'))).toEqual([])
})

test('after SIGTERM its state is there, and can be replayed', async () => {
  expect(await runner.stop('SIGTERM')).toMatchObject({ code: 0, err: '' })

  expect(output(await follow('status'))).toContain('not running')
  expect(output(await follow('replay --until 2026-11-27T09:30:00Z', { '2026-11-27T09:30:00Z': new Date().toISOString() }))).toContain(
    'alice',
  )
})

test('a seed repeats its run byte for byte, and a few are judged like two thousand', async () => {
  const [one, other] = [await follow('simulate --seed 7'), await follow('simulate --seed 7')]

  expect(output(one)).toBe(output(other))
  expect(output(one)).toMatch(/\nseed 7, \d+ messages, 0 violations$/)
  expect(output(await follow('simulate --seeds 2000', { 2000: '2' }))).toMatch(/\n2 seeds from 1, \d+ messages, 0 violations/)
  expect(output(await follow('simulate --real', {}, '--seeds', '1'))).toMatch(/\n1 seed from 1, \d+ messages, 0 violations/)
})

test('every command line that the README shows was followed, here or elsewhere', () => {
  const isFollowed = (line: string) => followed.has(line) || [...followed].some(longer => longer.startsWith(`${line} `))

  expect(shown.filter(line => !isFollowed(line) && !(line in ELSEWHERE))).toEqual([])
  for (const [line, file] of Object.entries(ELSEWHERE)) expect(documentAt(file).includes(line), `${line} in ${file}`).toBe(true)
})
