import fc from 'fast-check'
import JSON5 from 'json5'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/domain/config.ts'
import { configText } from '../../../src/runner/init/config-text.ts'

const section = {
  agentUrl: 'http://localhost:7777',
  meshName: 'home',
  username: 'my-bot',
  dmPolicy: 'allowlist',
  allowFrom: ['alice', "bob's", 'a"b'],
  enableGroups: true,
  groupPermissions: { 'alice/team': { allowFrom: ['bob'], tools: { deny: ['exec'] } } },
  limits: { dispatches: 4 },
}

test('what is written is what was said, and the bot that it makes is the same', () => {
  const read: unknown = JSON5.parse(configText(section))
  expect(read).toEqual(section)
  expect(parseConfig(read)).toEqual(parseConfig(section))
})

test('each option stands behind its meaning, and what was not said stands below, with its default', () => {
  const lines = configText({ meshName: 'home', username: 'my-bot', dmPolicy: 'open' }).split('\n')

  const at = lines.indexOf("  dmPolicy: 'open',")
  expect(lines.slice(at - 2, at)).toEqual([
    '  // Who may write to the bot directly. disabled ignores even the allowlisted. Type: pairing, allow = open, deny =',
    '  // allowlist, disabled.',
  ])
  expect(lines.filter(line => /^ {2}\/\/ \w+: .+,$/.test(line)).map(line => line.trim())).toEqual([
    '// enabled: true,',
    "// agentUrl: 'http://localhost:7777',",
    '// enableGroups: false,',
    '// allowFrom: [],',
    "// groupPolicy: 'allowlist',",
    '// requireMention: true,',
    '// groupPermissions: {},',
    '// notifyOnFailure: false,',
  ])
  expect(lines.every(line => line.length <= 120)).toBe(true)
})

test('what is commented out can be put in as it stands', () => {
  const text = configText({ meshName: 'home', username: 'my-bot' }).replace(/^ {2}\/\/ (\w+: .+,)$/gm, '  $1')
  expect(parseConfig(JSON5.parse(text))).toEqual(parseConfig({ meshName: 'home', username: 'my-bot' }))
})

test('whatever texts the options have, they come back', () => {
  const texts = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(texts, fc.array(texts), fc.dictionary(fc.string(), texts), (name, allowFrom, accounts) => {
      const said = { name, allowFrom, accounts: Object.fromEntries(Object.entries(accounts).map(([id, own]) => [id, { name: own }])) }
      expect(JSON5.parse(configText(said))).toEqual(said)
    }),
  )
})
