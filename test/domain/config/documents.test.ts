import { expect, test } from 'vitest'
import { z } from 'zod'
import { agentUrlFault, permitUrlFault } from '../../../src/domain/config/url.ts'
import { configJsonSchema, configTable, configUiHints, limitsTable } from '../../../src/domain/config.ts'
import { LIMITS } from '../../../src/domain/limits.ts'

type Node = { readonly [key: string]: unknown }
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/** Every property of every object in a schema, by path. */
function propertiesOf(node: Node, path = ''): readonly { path: string; property: Node }[] {
  return Object.entries(node).flatMap(([key, value]) => {
    if (!isNode(value)) return []
    if (key !== 'properties') return propertiesOf(value, `${path}/${key}`)
    return Object.entries(value).flatMap(([name, property]) =>
      isNode(property) ? [{ path: `${path}/${name}`, property }, ...propertiesOf(property, `${path}/${name}`)] : [],
    )
  })
}

const schema = configJsonSchema()

test('the JSON Schema is draft 7, closed, and describes every option', () => {
  const all = propertiesOf(schema)

  expect(schema).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', additionalProperties: false })
  expect(all.length).toBeGreaterThan(150)
  expect(
    all.filter(({ property }) => typeof property['description'] !== 'string' || property['description'] === '').map(({ path }) => path),
  ).toEqual([])
  expect(
    all.filter(({ property }) => isNode(property['properties']) && property['additionalProperties'] !== false).map(({ path }) => path),
  ).toEqual([])
})

test('the JSON Schema says the defaults of the root alone, so that a host that fills them in overrides no root', () => {
  const withDefault = propertiesOf(schema).filter(({ property }) => 'default' in property)

  expect(withDefault.map(({ path }) => path)).toContain('/dmPolicy')
  expect(withDefault.filter(({ path }) => path.split('/').length > 2).map(({ path }) => path)).toEqual([])
})

test('a choice in the JSON Schema is one list of values, null for "not set" among them', () => {
  expect(schema['properties']).toMatchObject({
    groupPolicy: { type: ['string', 'null'], enum: ['allowlist', 'open', 'disabled', null] },
    enabled: { type: ['boolean', 'null'], default: true },
    firstSync: { anyOf: [{ type: 'integer' }, { type: 'string' }, { type: 'null' }] },
  })
})

test('a host takes and refuses with the JSON Schema what we take and refuse', () => {
  const host = z.fromJSONSchema(JSON.parse(JSON.stringify(schema)))
  const good = [
    {},
    {
      meshName: 'home',
      username: 'my-bot',
      dmPolicy: 'deny',
      allowFrom: ['*'],
      firstSync: '5 min',
      tls: null,
      autoReply: true,
      messagePath: '/shared',
    },
    { groupPermissions: { 'alice/team': null, 'bob/club': { tools: { allow: null }, toolsBySender: { carol: { deny: ['fs'] } } } } },
    { accounts: { home: null, work: { tls: { key: { source: 'env', provider: 'default', id: 'KEY' } } } }, inspector: { enabled: true } },
  ]
  const bad = [
    { bogus: 1 },
    { dmPolicy: 'friends' },
    { apiTimeout: 1 },
    { meshName: 'a b' },
    { limits: { dispatches: 0 } },
    { accounts: { home: { bogus: 1 } } },
  ]

  expect(good.map(config => host.safeParse(config).success)).toEqual(good.map(() => true))
  expect(bad.map(config => host.safeParse(config).success)).toEqual(bad.map(() => false))
})

test('the hints have a label and a help for every option, of the root and of an account, and mark what is secret', () => {
  const hints = configUiHints()

  expect(Object.values(hints).every(({ label, help }) => label !== '' && help !== '')).toBe(true)
  expect(hints).toMatchObject({
    agentUrl: { label: 'Agent URL', placeholder: 'http://localhost:7777' },
    'accounts.*.agentUrl': { label: 'Agent URL' },
    'tls.key': { sensitive: true },
    'accounts.*.tls.key': { sensitive: true },
    'groupPermissions.*.toolsBySender.*.deny': { label: 'Deny' },
    'limits.dispatches': { advanced: true },
  })
})

test('the table has one row for each option, with its type, default and notes', () => {
  const rows = configTable().split('\n')

  expect(rows.slice(0, 2)).toEqual(['| option | type, default | notes |', '|---|---|---|'])
  expect(rows).toContain(
    '| `dmPolicy` | `pairing` (default), `allow` = `open`, `deny` = `allowlist`, `disabled` | Who may write to the bot directly. `disabled` ignores even the allowlisted. |',
  )
  expect(rows).toContain(
    '| `apiTimeout` | ms 1000–300000, `30000` | One HTTP call to the ZTM agent; a long-poll has its own, longer limit. |',
  )
  expect(rows.slice(2).filter(row => row.split(' | ').length !== 3)).toEqual([])
  expect(rows.some(row => row.includes('autoReply') || row.includes('`accounts.'))).toBe(false)
})

test('the table of limits has every limit with its default', () => {
  const rows = limitsTable().split('\n').slice(2)

  expect(rows.map(row => row.split(' | ').slice(0, 2).join(' '))).toEqual(
    Object.entries(LIMITS).map(([name, value]) => `| \`limits.${name}\` integer, \`${value}\``),
  )
})

test.each([
  [
    'agentUrl',
    agentUrlFault,
    ['http://localhost:7777', 'https://h/x/y', 'HTTP://h', 'http://h/a@b', 'http://[::1]:7777/z', 'http://10.0.0.1'],
  ],
  ['agentUrl', agentUrlFault, ['ftp://x', 'http://u:p@h', 'http://h?x', 'http://h/#a', 'http:x', 'http:///x', 'localhost:7777']],
  ['permitUrl', permitUrlFault, ['https://p.x/permit', 'https://p.x:7779/permit?token=a@b', 'https://h', 'https://h?token=1']],
  ['permitUrl', permitUrlFault, ['http://localhost:1/permit', 'http://127.0.0.1/permit?x=1', 'http://a.localhost/x', 'http://[::1]:9/p']],
  [
    'permitUrl',
    permitUrlFault,
    ['http://far/permit', 'https://u:p@h/', 'ftp://x', 'http://localhost.evil.com/', 'http://127.0.0.1.evil.com/'],
  ],
] as const)('the pattern of %s in the JSON Schema says what we say', (name, fault, values) => {
  const { pattern } = z.object({ [name]: z.object({ pattern: z.string() }) }).parse(schema['properties'])[name]!

  expect(values.map(value => [value, new RegExp(pattern).test(value)])).toEqual(values.map(value => [value, fault(value) === null]))
})
