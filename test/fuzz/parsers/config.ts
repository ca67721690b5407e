/** What an operator may write: as a value, as a file in each format, and as flags. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { accountFlags, optionsOfFlags, type ParsedConfig, parseConfig } from '../../../src/domain/config.ts'
import { permissionOf } from '../../../src/domain/settings.ts'
import { loadConfigFile } from '../../../src/runner/config-file.ts'
import { bytesOf, garbage, jsonText, jsonValue, latin1Of, nastyText, nearly, nearlyValue, readAsJson } from '../inputs.ts'
import { valueOrExpected } from '../invariants.ts'
import { target } from '../target.ts'

const CONFIG = {
  enabled: true,
  name: 'Bot',
  agentUrl: 'http://localhost:7777/prefix',
  permitSource: 'server',
  permitUrl: 'https://permits.example/permit?token=x',
  permitFilePath: '~/permit.json',
  meshName: 'home',
  username: 'my-bot',
  enableGroups: true,
  dmPolicy: 'pairing',
  allowFrom: ['alice', '*'],
  apiTimeout: 30_000,
  groupPolicy: 'allowlist',
  requireMention: true,
  groupPermissions: {
    'alice/team': {
      creator: 'alice',
      groupPolicy: 'open',
      allowFrom: ['bob'],
      tools: { allow: ['group:messaging'], deny: ['exec'] },
      toolsBySender: { bob: { alsoAllow: ['group:fs'] } },
    },
  },
  mentionPatterns: ['\\bbot\\b'],
  tls: { ca: '/etc/ca.pem', cert: '/etc/cert.pem', key: { source: 'env', provider: 'default', id: 'KEY' } },
  feed: 'auto',
  pollInterval: 1_000,
  firstSync: '5 min',
  limits: { dispatches: 4, reconnectMs: 500 },
  inspector: { enabled: false, port: 0 },
  accounts: { second: { username: 'other-bot' }, third: { enabled: false } },
  defaultAccount: 'second',
}

const value = fc.oneof(
  { weight: 3, arbitrary: nearlyValue(CONFIG).map(readAsJson) },
  { weight: 1, arbitrary: jsonValue },
  {
    weight: 1,
    arbitrary: fc
      .tuple(nastyText, jsonValue)
      .map(
        ([key, put]) => JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(put) ?? 'null'},"meshName":"m","username":"u"}`) as unknown,
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(nastyText, nastyText, nastyText).map(([group, user, account]) => ({
      meshName: 'home',
      username: 'my-bot',
      groupPermissions: Object.fromEntries([[group, { toolsBySender: Object.fromEntries([[user, { deny: ['exec'] }]]) }]]),
      accounts: Object.fromEntries([[account, {}]]),
    })),
  },
)

/** What every config that is accepted keeps to. */
function isUsable({ accounts, defaultAccount }: ParsedConfig): void {
  assert.ok(accounts.length > 0 && accounts.some(({ id }) => id === defaultAccount))
  for (const settings of accounts) {
    assert.match(settings.id, /^[a-z0-9][a-z0-9_-]{0,63}$/)
    if (settings.enabled) assert.match(`${settings.meshName}/${settings.username}`, /^[\w.-]+\/[\w.-]+$/)
    const url = new URL(settings.agentUrl)
    assert.match(url.protocol, /^https?:$/)
    assert.equal(url.username + url.password + url.search, '')
    assert.ok(['pairing', 'open', 'allowlist', 'disabled'].includes(settings.dmPolicy))
    for (const limit of Object.values(settings.limits)) assert.ok(Number.isSafeInteger(limit))
    // A group that nobody named has nothing of its own, whatever it is called.
    for (const group of ['__proto__', 'constructor', 'toString']) assert.deepEqual(permissionOf(settings, group, group).allowFrom, [])
    for (const pattern of settings.mentionPatterns) new RegExp(pattern, 'i')
  }
}

const config = target({
  name: 'config',
  runs: 200,
  input: value,
  async check(input) {
    const parsed = await valueOrExpected(() => parseConfig(input))
    if (parsed !== null) isUsable(parsed)
  },
})

const YAML = `meshName: home
username: my-bot
accounts: &all
  one: {agentUrl: "http://localhost:7777"}
  two: {username: other, limits: {dispatches: 4}}
allowFrom: [alice, *all]
`

const file = target({
  name: 'config file',
  input: fc.record({
    ending: fc.constantFrom('.json5', '.json', '.yaml', '.yml', '.txt'),
    content: fc
      .oneof(
        nearly(
          JSON.stringify(CONFIG),
          JSON.stringify({ channels: { 'ztm-chat': CONFIG } }),
          YAML,
          "{ meshName: 'home', /* x */ username: 'b' }",
        ),
        jsonText,
        garbage,
      )
      .map(latin1Of),
  }),
  async check({ ending, content }) {
    const folder = mkdtempSync(join(tmpdir(), 'ztm-chat-fuzz-'))
    try {
      const path = join(folder, `bot${ending}`)
      writeFileSync(path, bytesOf(content))
      const parsed = await valueOrExpected(() => loadConfigFile(path, { home: '/home/me', env: { KEY: 'x' } }))
      if (parsed !== null) isUsable(parsed)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
})

const keys = accountFlags().map(({ key }) => key)

const flags = target({
  name: 'config flags',
  input: fc.array(fc.tuple(fc.oneof(fc.constantFrom(...keys), nastyText), fc.oneof(jsonText, jsonValue, nastyText)), { maxLength: 4 }),
  async check(given) {
    const options = optionsOfFlags(Object.fromEntries(given))
    const parsed = await valueOrExpected(() => parseConfig({ meshName: 'home', username: 'my-bot', ...options }))
    if (parsed !== null) isUsable(parsed)
  },
})

export const configTargets = [config, file, flags]
