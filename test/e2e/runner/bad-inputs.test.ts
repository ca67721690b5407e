/**
 * Bad inputs in one table: what is typed or configured, what is shown for it, and the exit code. The whole of what is shown is compared,
 * so no stack trace can be in it; the folder, the bot's config and state in it, is as it was before.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderInTest, startInTest } from '../../runner/cli.ts'

/** Failed; nothing is wrong with how it was asked. */
const FAILED = 1
const USAGE = 2

const SEE_HELP = 'Add --help to see what there is.'

/** The command line, exit code, and lines on standard error, without the name of the program before them. FOLDER is where it runs. */
const COMMANDS: readonly (readonly [string, number, ...string[]])[] = [
  ['rum', USAGE, "unknown command 'rum'", '(Did you mean run?)', SEE_HELP],
  ['run --colour', USAGE, "unknown option '--colour'", SEE_HELP],
  [
    'run --inspect 70000',
    USAGE,
    "option '--inspect [port]' argument '70000' is invalid. expected a whole number from 0 to 65535.",
    SEE_HELP,
  ],
  ['run --inspect x', USAGE, "option '--inspect [port]' argument 'x' is invalid. expected a whole number from 0 to 65535.", SEE_HELP],
  [
    'run --responder parrot',
    USAGE,
    '--responder is "parrot"; expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL).',
  ],
  [
    'run --responder exec:',
    USAGE,
    '--responder exec: has no command; expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL).',
  ],
  ['run --responder exec:./none.sh', USAGE, '--responder is exec:, and ./none.sh does not exist; write it, or correct the path.'],
  ['run --responder http:', USAGE, '--responder is "http:"; expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL).'],
  [
    'run --responder openai:http://127.0.0.1:9',
    USAGE,
    '--responder is "openai:http://127.0.0.1:9" and needs a model; name it with --model.',
  ],
  ['run --responder echo --model m', USAGE, '--model is only for --responder openai:URL; leave it out.'],
  [
    'run --responder http:ftp://x',
    USAGE,
    '--responder is "http:ftp://x"; expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL).',
  ],
  ['run --config', USAGE, "option '--config <file>' argument missing", SEE_HELP],
  [
    'run --config nowhere.json5',
    USAGE,
    'nowhere.json5 does not exist; "ztm-chat init --config nowhere.json5" writes one, or name another with --config.',
  ],
  ['run --config .', USAGE, '. has no known ending; expected a .json5, .json, .yaml or .yml file.'],
  ['run --config bot.toml', USAGE, 'bot.toml has no known ending; expected a .json5, .json, .yaml or .yml file.'],
  ['run --state-dir=', USAGE, '--state-dir is empty; expected the path of a folder.'],
  ['status --state-dir /dev/null', USAGE, 'The state directory /dev/null is a file; name a folder with --state-dir.'],
  ['status --state-dir /dev/null/x', USAGE, 'The state directory /dev/null/x lies below a file; name a folder with --state-dir.'],
  ['agent --port 70000', USAGE, "option '--port <port>' argument '70000' is invalid. expected a whole number from 0 to 65535.", SEE_HELP],
  ['agent --port x', USAGE, "option '--port <port>' argument 'x' is invalid. expected a whole number from 0 to 65535.", SEE_HELP],
  [
    'agent --users alice,alice',
    USAGE,
    "option '--users <names>' argument 'alice,alice' is invalid. expected different names, with commas between them.",
    SEE_HELP,
  ],
  ['agent --users openclaw-bot', USAGE, '--users has "openclaw-bot", which is the bot; leave it out, or choose another --bot.'],
  ['pairing approve', USAGE, "missing required argument 'code'", SEE_HELP],
  [
    'pairing approve ABCD',
    FAILED,
    'No pending request has the code "ABCD"; it may have been used, have expired, or be of another --state-dir: "ztm-chat pairing list" shows those that are pending.',
  ],
  [
    'pairing approve ABCD1234',
    FAILED,
    'No pending request has the code "ABCD1234"; it may have been used, have expired, or be of another --state-dir: "ztm-chat pairing list" shows those that are pending.',
  ],
  ['pairing revoke', USAGE, "missing required argument 'user'", SEE_HELP],
  [
    'pairing revoke alice',
    FAILED,
    'Pairing has not let in "alice"; "ztm-chat users" shows whom it has, and names are compared letter for letter.',
  ],
  [
    'deadletter retry',
    USAGE,
    'Say which dead letter: "ztm-chat deadletter retry ID", or "ztm-chat deadletter retry --all" for all of them.',
  ],
  ['explain --chat nobody', FAILED, 'Nothing is known of peer:nobody; "ztm-chat chats" lists the chats that are.'],
  ['deadletter retry xyz', FAILED, 'There is no dead letter with the id "xyz"; "ztm-chat deadletter list" shows those that there are.'],
  ['deadletter drop', USAGE, 'Say which dead letter: "ztm-chat deadletter drop ID", or "ztm-chat deadletter drop --all" for all of them.'],
  ['deadletter lost', USAGE, "unknown command 'lost'", '(Did you mean list?)', SEE_HELP],
  ['send', USAGE, "required option '--to <name>' not specified", SEE_HELP],
  ['send hi', USAGE, "required option '--to <name>' not specified", SEE_HELP],
  ['send --to alice', USAGE, 'There is nothing to send: the text is empty, and there is no --file.'],
  [
    'send --to alice hi',
    FAILED,
    'The account "default" has never run with the state directory FOLDER/states/ztm-chat, so nothing was sent; start it with "ztm-chat run", or name its own --state-dir.',
  ],
  ['send --to group:x hi', USAGE, '--to is "group:x"; expected the name of a user on the mesh, or group:CREATOR/GROUP.'],
  ['send --to ../x hi', USAGE, '--to is "../x"; expected the name of a user on the mesh, or group:CREATOR/GROUP.'],
  ['send --to alice --file nowhere.png', USAGE, '--file nowhere.png does not exist; correct the path.'],
  ['explain', USAGE, 'Say what to explain: "ztm-chat explain MESSAGE-ID", or "ztm-chat explain --chat alice --last 5".'],
  ['explain zzz', USAGE, '"zzz" is no message id; expected its 24 hex digits, or the first of them, at least 4.'],
  ['explain --chat alice --last 0', USAGE, "option '--last <n>' argument '0' is invalid. expected a whole number from 1.", SEE_HELP],
  ['explain --chat group:x', USAGE, '--chat is "group:x"; expected the name of a user on the mesh, or group:CREATOR/GROUP.'],
  ['replay --until -1', USAGE, '--until is "-1"; expected a time, such as 2026-11-27T09:30:00Z, or the number of a record.'],
  ['replay --until May', USAGE, '--until is "May"; expected a time, such as 2026-11-27T09:30:00Z, or the number of a record.'],
  [
    'replay --until 2026-13-01',
    USAGE,
    '--until is "2026-13-01"; expected a time, such as 2026-11-27T09:30:00Z, or the number of a record.',
  ],
  ['replay --until 3', FAILED, 'Nothing ever ran with the state directory FOLDER/states/ztm-chat; name another one with --state-dir.'],
  ['backup', USAGE, "missing required argument 'folder'", SEE_HELP],
  ['backup .', USAGE, 'FOLDER is there already; name a folder that is to be made.'],
  ['backup copy', USAGE, 'There is no state in FOLDER/states/ztm-chat; name another folder with --state-dir.'],
  ['status --account nobody', USAGE, 'The config has no account "nobody"; expected "default".'],
  [
    'init',
    USAGE,
    'init asks questions, and needs a terminal; without one write FILE yourself (meshName and username are enough), and look at it with "ztm-chat doctor".',
  ],
  ['simulate --seeds 0', USAGE, "option '--seeds <n>' argument '0' is invalid. expected a whole number from 1.", SEE_HELP],
  ['simulate --seeds x', USAGE, "option '--seeds <n>' argument 'x' is invalid. expected a whole number from 1.", SEE_HELP],
  ['simulate --seed 1.5', USAGE, "option '--seed <n>' argument '1.5' is invalid. expected a whole number from 1.", SEE_HELP],
  ['simulate --threads 0', USAGE, "option '--threads <n>' argument '0' is invalid. expected a whole number from 1.", SEE_HELP],
  [
    'agent --bot a/b',
    USAGE,
    `option '--bot <name>' argument 'a/b' is invalid. expected a name of 1 to 255 characters without "/", "?" and "#", and not "." or "..".`,
    SEE_HELP,
  ],
  [
    'agent --mesh=',
    USAGE,
    `option '--mesh <name>' argument '' is invalid. expected a name of 1 to 255 characters without "/", "?" and "#", and not "." or "..".`,
    SEE_HELP,
  ],
  [
    'agent --users bo/b',
    USAGE,
    `option '--users <names>' argument 'bo/b' is invalid. expected a name of 1 to 255 characters without "/", "?" and "#", and not "." or "..".`,
    SEE_HELP,
  ],
  ['simulate --seed 3 --seeds 9', USAGE, "option '--seed <n>' cannot be used with option '--seeds <n>'", SEE_HELP],
  ['simulate --seed 3 --from 2', USAGE, "option '--seed <n>' cannot be used with option '--from <n>'", SEE_HELP],
  ['simulate --steps 3', USAGE, '--steps and --faults are for one run; name its seed with --seed.'],
  ['simulate --faults rain', USAGE, '--steps and --faults are for one run; name its seed with --seed.'],
]

/** What `ztm-chat.json5` contains, and the lines on standard error; `./ztm-chat.json5` is FILE. */
const CONFIGS: readonly (readonly [string, ...string[]])[] = [
  ['', 'FILE is empty; expected an object with at least meshName and username.'],
  ['{ meshName: "home"', 'FILE:1:19 is not JSON5: invalid end of input; correct it there.'],
  ['[]', 'FILE: the config is a list; expected an object with the options of the channel.'],
  ['null', 'FILE is empty; expected an object with at least meshName and username.'],
  ['<html></html>', "FILE:1:1 is not JSON5: invalid character '<'; correct it there."],
  [
    '{}',
    'FILE: meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".',
    `FILE: username is missing; set it to the bot's own user on the mesh, such as "my-bot".`,
  ],
  ["{ meshName: 'home' }", `FILE: username is missing; set it to the bot's own user on the mesh, such as "my-bot".`],
  ["{ meshName: 'home', username: 'bot', colour: 1 }", 'FILE: colour is not an option; the nearest one is "tls".'],
  ["{ meshName: 'home', username: 'bot', dmpolicy: 'open' }", 'FILE: dmpolicy is not an option; did you mean "dmPolicy"?'],
  [
    "{ meshName: 'home', username: 'bot', agentUrl: 'localhost:7777' }",
    'FILE: agentUrl is "localhost:7777"; expected an http or https URL, such as "http://localhost:7777".',
  ],
  [
    "{ meshName: 'home', username: 'bot', agentUrl: 'http://a:b@localhost' }",
    'FILE: agentUrl is "http://***@localhost"; expected an http or https URL without user name and password.',
  ],
  [
    "{ meshName: 'home', username: 'bot', dmPolicy: 'everyone' }",
    'FILE: dmPolicy is "everyone"; expected "pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled".',
  ],
  [
    "{ meshName: 'home', username: 'bot', allowFrom: 'alice' }",
    'FILE: allowFrom is "alice"; expected a list of mesh users, such as ["alice"].',
  ],
  ["{ meshName: 'home', username: 'a/b' }", 'FILE: username is "a/b"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".'],
  ["{ meshName: 'a/b', username: 'bot' }", 'FILE: meshName is "a/b"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".'],
  ["{ meshName: 'home', username: 'bot', apiTimeout: -1 }", 'FILE: apiTimeout is -1; expected a whole number of ms from 1000 to 300000.'],
  ["{ meshName: 'home', username: 'bot', enabled: false }", 'FILE has no account that is enabled; set enabled: true.'],
  [
    "{ meshName: 'home', username: 'bot', permitSource: 'server' }",
    'FILE: permitSource is "server", but permitUrl is missing; set it to the https URL of the permit server.',
  ],
  ["{ meshName: 'home', username: 'bot', mentionPatterns: ['('] }", 'FILE: mentionPatterns[0] is "("; expected a regular expression.'],
  [
    '{ accounts: {} }',
    'FILE: meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".',
    `FILE: username is missing; set it to the bot's own user on the mesh, such as "my-bot".`,
  ],
  [
    "{ meshName: 'home', accounts: { a: { username: 'bot' }, b: { username: 'bot' } } }",
    'FILE: accounts.b is the same bot as account "a" (bot on mesh home at http://localhost:7777) and both would answer; remove one, or set enabled: false.',
  ],
  [
    "{ meshName: 'home', defaultAccount: 'x', accounts: { a: { username: 'bot' } } }",
    'FILE: defaultAccount is "x"; expected the id of an account: "a".',
  ],
  ["{ meshName: 'home', username: 'bot', __proto__: { x: 1 } }", 'FILE: __proto__ is not an option; remove it.'],
]

async function ask(args: readonly string[], config: string) {
  const folder = await folderInTest()
  await writeFile(join(folder, 'ztm-chat.json5'), config)
  await writeFile(join(folder, 'bot.toml'), 'meshName = "home"')
  // What is taken after all, and does not end, ends with the test.
  const ended = await startInTest(args, { cwd: folder, env: { XDG_STATE_HOME: join(folder, 'states') } }).ended
  const left = (await readdir(folder, { recursive: true })).sort()
  const lines = ended.err.trimEnd().replaceAll(folder, 'FOLDER').replaceAll('./ztm-chat.json5', 'FILE').split('\n')
  return { code: ended.code, out: ended.out, lines, left, config: await readFile(join(folder, 'ztm-chat.json5'), 'utf8') }
}

const unchanged = (config: string) => ({ out: [], left: ['bot.toml', 'ztm-chat.json5'], config })
/** The first line of a message, and each line of a list, begins with the program's name; hints do not. */
const named = (line: string): string => (line === SEE_HELP || line.startsWith('(') ? line : `ztm-chat: ${line}`)

describe('bad input', { timeout: 60_000 }, () => {
  test.each(COMMANDS.map(([line, code, ...lines]) => ({ line, code, lines })))('ztm-chat $line', async ({ line, code, lines }) => {
    const config = "{ meshName: 'home', username: 'bot' }"
    expect(await ask(line.split(' '), config)).toEqual({ code, lines: lines.map(named), ...unchanged(config) })
  })

  test.each(CONFIGS.map(([config, ...lines]) => ({ config, lines })))('run with the config $config', async ({ config, lines }) => {
    expect(await ask(['run'], config)).toEqual({ code: USAGE, lines: lines.map(named), ...unchanged(config) })
  })

  test('is a table of 60 at least', () => {
    expect(COMMANDS.length + CONFIGS.length).toBeGreaterThanOrEqual(60)
  })
})
