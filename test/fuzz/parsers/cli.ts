/** What somebody types: every command, with arguments of all kinds. Each ends by itself with 0, 1 or 2 and at most some sentences. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { chatOf } from '../../../src/runner/chat-name.ts'
import { main } from '../../../src/runner/main.ts'
import { UsageError } from '../../../src/runner/usage-error.ts'
import { nastyText } from '../inputs.ts'
import { isSentence } from '../invariants.ts'
import { target } from '../target.ts'

/** Those that look and end. `run`, `agent`, `demo` and `simulate` go on when they are called rightly: they get bad options alone. */
const COMMANDS = [
  ['status'],
  ['pairing', 'list'],
  ['pairing', 'revoke'],
  ['chats'],
  ['users'],
  ['groups'],
  ['doctor'],
  ['pairing', 'approve'],
  ['pairing', 'reject'],
  ['deadletter', 'list'],
  ['deadletter', 'retry'],
  ['deadletter', 'drop'],
  ['send'],
  ['explain'],
  ['replay'],
  ['run', '--no-such-option'],
  ['run', '--responder', 'parrot'],
  ['agent', '--port', 'x'],
  ['demo', '--no-such-option'],
  ['simulate', '--seeds', '0'],
  ['no-such-command'],
  [],
] as const

const OF_A_BOT = ['status', 'pairing', 'deadletter', 'send', 'explain', 'replay', 'chats', 'users', 'groups', 'doctor']

const OPTIONS = [
  '--json',
  '--all',
  '--debug',
  '--help',
  '--version',
  '--account',
  '--to',
  '--file',
  '--key',
  '--chat',
  '--last',
  '--until',
  '--no-such',
  '-x',
  '--',
]

const words = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...OPTIONS) },
    { weight: 2, arbitrary: nastyText },
    { weight: 1, arbitrary: fc.constantFrom('alice', 'group:alice/team', '5', '2026-11-27T09:30:00Z', 'abcd') },
  ),
  { maxLength: 6 },
)

type Written = { readonly code: number; readonly out: string; readonly err: string }

/** Runs it here, and catches what it writes. */
async function called(args: readonly string[]): Promise<Written> {
  const { stdout, stderr } = process
  const write = { out: stdout.write, err: stderr.write }
  const written = { out: '', err: '' }
  stdout.setMaxListeners(0)
  stderr.setMaxListeners(0)
  stdout.write = text => {
    written.out += String(text)
    return true
  }
  stderr.write = text => {
    written.err += String(text)
    return true
  }
  try {
    return { code: await main(args), ...written }
  } finally {
    stdout.write = write.out
    stderr.write = write.err
    for (const stream of [stdout, stderr]) stream.removeAllListeners('error')
  }
}

/** What the doctor finds is its result, and no fault of its own. */
const hasFound = (code: number, command: string | undefined): boolean => command === 'doctor' && code === 1

const args = target({
  name: 'CLI arguments',
  runs: 150,
  input: fc.record({ command: fc.constantFrom(...COMMANDS), words, hasConfig: fc.boolean() }),
  async check({ command, words: more, hasConfig }) {
    const folder = mkdtempSync(join(tmpdir(), 'ztm-chat-fuzz-'))
    try {
      const config = join(folder, 'bot.json5')
      if (hasConfig) writeFileSync(config, '{ agentUrl: "http://127.0.0.1:1", meshName: "home", username: "my-bot" }')
      const takesConfig = OF_A_BOT.includes(command[0] ?? '')
      const place = takesConfig ? ['--config', config, '--state-dir', join(folder, 'state')] : []
      const { code, err } = await called([...command, ...place, ...more])
      assert.ok([0, 1, 2].includes(code), `exit code ${code}`)
      const isHelp = err.startsWith('Usage: ')
      assert.equal(
        code === 0,
        !isHelp && !err.includes('ztm-chat: ') && !hasFound(code, command[0]),
        `exit code ${code} with ${JSON.stringify(err)}`,
      )
      assert.doesNotMatch(err, /Unexpected failure/)
      // What was typed is said again, however long it is.
      const said = isHelp || more.includes('--debug') ? [] : err.trimEnd().split('\n')
      for (const sentence of said) if (sentence !== '') isSentence(sentence.slice(0, 2_000))
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
})

const chat = target({
  name: 'CLI chat name',
  runs: 300,
  input: fc.oneof(
    nastyText,
    fc.tuple(nastyText, nastyText).map(([creator, group]) => `group:${creator}/${group}`),
  ),
  check(name) {
    try {
      assert.match(chatOf('--to', name), /^(peer:[^/#?\p{Cc}]+|group:[^/#?\p{Cc}]+\/[^/#?\p{Cc}]+)$/u)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      isSentence(error.message)
    }
  },
})

export const cliTargets = [args, chat]
