import { expect, test } from 'vitest'
import { accountFlags, optionFault, optionsOfFlags } from '../../../src/domain/config.ts'

test('every option of an account has a flag, and its key is the flag in camel case', () => {
  const flags = accountFlags()
  const camel = (flag: string) => flag.replace(/^--/, '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

  expect(flags.map(({ path }) => path.join('.'))).toEqual(
    expect.arrayContaining([
      'agentUrl',
      'meshName',
      'username',
      'permitSource',
      'tls.key',
      'groupPermissions',
      'limits',
      'healthMonitor.enabled',
    ]),
  )
  expect(flags.filter(({ key, flags }) => camel(flags.split(' ')[0] ?? '') !== key)).toEqual([])
  expect(flags.filter(({ description }) => description === '')).toEqual([])
})

test('flags become options where they belong; what is JSON is read, and what is none is left for the schema to refuse', () => {
  expect(
    optionsOfFlags({
      agentUrl: 'http://localhost:1',
      allowFrom: ['alice'],
      tlsCert: 'a.pem',
      tlsKey: 'b.pem',
      groupPermissions: '{"alice/team": {"groupPolicy": "open"}}',
      firstSync: '5 min',
      mediaMaxMb: '2.5',
      limits: 'many',
      healthMonitorEnabled: false,
    }),
  ).toEqual({
    agentUrl: 'http://localhost:1',
    allowFrom: ['alice'],
    tls: { cert: 'a.pem', key: 'b.pem' },
    groupPermissions: { 'alice/team': { groupPolicy: 'open' } },
    firstSync: '5 min',
    mediaMaxMb: 2.5,
    limits: 'many',
    healthMonitor: { enabled: false },
  })
})

test.each([
  ['agentUrl', 'http://localhost:7777', null],
  ['username', 'my bot', 'username is "my bot"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".'],
  ['allowFrom', ['alice', ' '], 'allowFrom[1] is " "; expected the name of a mesh user without blanks around it, or "*" for everyone.'],
  ['permitUrl', 'http://permit.example/', 'permitUrl is "http://permit.example/"; expected an https URL (http only on this machine).'],
] as const)('%s %j by itself is judged as in a whole config', (name, value, fault) => {
  expect(optionFault(name, value)).toBe(fault)
})
