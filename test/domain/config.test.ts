import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/domain/config.ts'
import { ConfigInvalid } from '../../src/domain/errors.ts'

function problemsOf(input: unknown, prefix?: string): readonly string[] {
  try {
    parseConfig(input, prefix === undefined ? {} : { prefix })
    return []
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems
    throw error
  }
}

const ok = { meshName: 'home', username: 'my-bot' }
/** Keys such as `__proto__` are keys only when they come from a text. */
const json = (text: string): unknown => JSON.parse(text)

/** A bad config and its problems, less the prefix. */
const rows: readonly [unknown, readonly string[]][] = [
  [
    {},
    [
      '.meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".',
      `.username is missing; set it to the bot's own user on the mesh, such as "my-bot".`,
    ],
  ],
  [null, [' is empty; expected an object with the options of the channel.']],
  ['a text', [' is "a text"; expected an object with the options of the channel.']],
  [[], [' is a list; expected an object with the options of the channel.']],
  [{ ...ok, enabled: 'yes' }, ['.enabled is "yes"; expected true or false.']],
  [
    { ...ok, agentUrl: 'localhost:7777' },
    ['.agentUrl is "localhost:7777"; expected an http or https URL, such as "http://localhost:7777".'],
  ],
  [{ ...ok, agentUrl: 'ftp://agent' }, ['.agentUrl is "ftp://agent"; expected an http or https URL, such as "http://localhost:7777".']],
  [{ ...ok, agentUrl: 'http:/agent' }, ['.agentUrl is "http:/agent"; expected an http or https URL, such as "http://localhost:7777".']],
  [
    { ...ok, agentUrl: 'http://me:secret@agent' },
    ['.agentUrl is "http://***@agent"; expected an http or https URL without user name and password.'],
  ],
  [
    { ...ok, agentUrl: 'http://agent/?token=secret' },
    ['.agentUrl is "http://agent/?***"; expected an http or https URL without "?" and "#".'],
  ],
  [{ ...ok, agentUrl: 'http://agent/#top' }, ['.agentUrl is "http://agent/#top"; expected an http or https URL without "?" and "#".']],
  [{ ...ok, agentUrl: 7777 }, ['.agentUrl is 7777; expected an http or https URL, such as "http://localhost:7777", in quotes.']],
  [{ ...ok, agentUrl: '' }, ['.agentUrl is ""; expected an http or https URL, such as "http://localhost:7777".']],
  [{ username: 'my-bot' }, ['.meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".']],
  [{ meshName: 'home' }, [`.username is missing; set it to the bot's own user on the mesh, such as "my-bot".`]],
  [{ ...ok, meshName: '' }, ['.meshName is ""; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".']],
  [{ ...ok, meshName: 'my mesh' }, ['.meshName is "my mesh"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".']],
  [{ ...ok, meshName: '..' }, ['.meshName is ".."; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".']],
  [{ ...ok, meshName: 'home/../x' }, ['.meshName is "home/../x"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".']],
  [
    { ...ok, username: 'x'.repeat(65) },
    [
      '.username is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".',
    ],
  ],
  [{ ...ok, username: 'bøt' }, ['.username is "bøt"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".']],
  [{ ...ok, username: 42 }, ['.username is 42; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-", in quotes.']],
  [{ ...ok, permitSource: 'web' }, ['.permitSource is "web"; expected "server" or "file".']],
  [
    { ...ok, permitSource: 'server' },
    ['.permitSource is "server", but permitUrl is missing; set it to the https URL of the permit server.'],
  ],
  [{ ...ok, permitSource: 'file' }, ['.permitSource is "file", but permitFilePath is missing; set it to the path of the permit file.']],
  [
    { ...ok, permitSource: 'server', permitFilePath: '/permit.json' },
    ['.permitSource is "server", but permitUrl is missing; set it to the https URL of the permit server.'],
  ],
  [
    { ...ok, permitUrl: 'http://permits.example/permit' },
    ['.permitUrl is "http://permits.example/permit"; expected an https URL (http only on this machine).'],
  ],
  [
    { ...ok, permitUrl: 'https://me:secret@permits.example/permit' },
    ['.permitUrl is "https://***@permits.example/permit"; expected an https URL without user name and password.'],
  ],
  [
    { ...ok, permitSource: 'server', permitUrl: 'permits' },
    ['.permitUrl is "permits"; expected an https URL (http only on this machine).'],
  ],
  [{ ...ok, permitFilePath: '' }, ['.permitFilePath is ""; expected a path.']],
  [{ ...ok, enableGroups: 1 }, ['.enableGroups is 1; expected true or false.']],
  [
    { ...ok, dmPolicy: 'friends' },
    ['.dmPolicy is "friends"; expected "pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled".'],
  ],
  [
    { ...ok, dmPolicy: 'Pairing' },
    ['.dmPolicy is "Pairing"; expected "pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled".'],
  ],
  [{ ...ok, dmPolicy: ['open'] }, ['.dmPolicy is a list; expected "pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled".']],
  [{ ...ok, allowFrom: 'alice' }, ['.allowFrom is "alice"; expected a list of mesh users, such as ["alice"].']],
  [
    { ...ok, allowFrom: ['alice', 7] },
    ['.allowFrom[1] is 7; expected the name of a mesh user without blanks around it, or "*" for everyone, in quotes.'],
  ],
  [
    { ...ok, allowFrom: ['alice', null] },
    ['.allowFrom[1] is empty; expected the name of a mesh user without blanks around it, or "*" for everyone.'],
  ],
  [{ ...ok, allowFrom: [''] }, ['.allowFrom[0] is ""; expected the name of a mesh user without blanks around it, or "*" for everyone.']],
  [
    { ...ok, allowFrom: [' alice'] },
    ['.allowFrom[0] is " alice"; expected the name of a mesh user without blanks around it, or "*" for everyone.'],
  ],
  [{ ...ok, apiTimeout: 999 }, ['.apiTimeout is 999; expected a whole number of ms from 1000 to 300000.']],
  [{ ...ok, apiTimeout: 300_001 }, ['.apiTimeout is 300001; expected a whole number of ms from 1000 to 300000.']],
  [{ ...ok, apiTimeout: '30s' }, ['.apiTimeout is "30s"; expected a whole number of ms from 1000 to 300000.']],
  [{ ...ok, apiTimeout: 1500.5 }, ['.apiTimeout is 1500.5; expected a whole number of ms from 1000 to 300000.']],
  [{ ...ok, groupPolicy: 'allow' }, ['.groupPolicy is "allow"; expected "allowlist", "open" or "disabled".']],
  [{ ...ok, requireMention: 'true' }, ['.requireMention is "true"; expected true or false.']],
  [
    { ...ok, groupPermissions: ['alice/team'] },
    ['.groupPermissions is a list; expected an object from creator/group to a permission, such as {"alice/team": {allowFrom: ["bob"]}}.'],
  ],
  [{ ...ok, groupPermissions: { alice: {} } }, ['.groupPermissions.alice is not a group; expected creator/group, such as "alice/team".']],
  [
    { ...ok, groupPermissions: { 'alice/team/x': {} } },
    ['.groupPermissions["alice/team/x"] is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    { ...ok, groupPermissions: { '/team': {} } },
    ['.groupPermissions["/team"] is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/': {} } },
    ['.groupPermissions["alice/"] is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/..': {} } },
    ['.groupPermissions["alice/.."] is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/te\u0000am': {} } },
    ['.groupPermissions["alice/te\\u0000am"] is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { creator: 'bob' } } },
    ['.groupPermissions["alice/team"].creator is "bob"; expected "alice", as in the key, or nothing.'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { creator: 'alice', group: 'Team' } } },
    ['.groupPermissions["alice/team"].group is "Team"; expected "team", as in the key, or nothing.'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': 'open' } },
    ['.groupPermissions["alice/team"] is "open"; expected an object with groupPolicy, requireMention, allowFrom, tools or toolsBySender.'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { groupPolicy: 'deny' } } },
    ['.groupPermissions["alice/team"].groupPolicy is "deny"; expected "allowlist", "open" or "disabled".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { allowfrom: ['bob'] } } },
    ['.groupPermissions["alice/team"].allowfrom is not an option; did you mean "allowFrom"?'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { deny: ['exec'] } } },
    ['.groupPermissions["alice/team"].deny is not an option; did you mean "tools.deny"?'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { tools: ['read'] } } },
    ['.groupPermissions["alice/team"].tools is a list; expected an object with allow or deny.'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { tools: { alsoAllow: ['read'] } } } },
    ['.groupPermissions["alice/team"].tools.alsoAllow is not an option; the nearest one is "allow".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { tools: { allow: 'read' } } } },
    ['.groupPermissions["alice/team"].tools.allow is "read"; expected a list of tools, such as ["group:messaging"].'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { toolsBySender: { bob: { also: ['read'] } } } } },
    ['.groupPermissions["alice/team"].toolsBySender.bob.also is not an option; the nearest one is "allow".'],
  ],
  [
    { ...ok, groupPermissions: { 'alice/team': { toolsBySender: { '': {} } } } },
    ['.groupPermissions["alice/team"].toolsBySender[""] is not the name of a mesh user.'],
  ],
  [{ ...ok, tls: '/ca.pem' }, ['.tls is a text that is not shown here; expected an object with ca, cert or key.']],
  [{ ...ok, agentUrl: 'https://agent', tls: { cert: '/cert.pem' } }, ['.tls has cert, but no key; set both, or neither.']],
  [{ ...ok, agentUrl: 'https://agent', tls: { key: '/key.pem' } }, ['.tls has key, but no cert; set both, or neither.']],
  [
    { ...ok, agentUrl: 'https://agent', tls: { ca: { source: 'vault', provider: 'default', id: 'CA' } } },
    ['.tls.ca is an object; expected the path of a PEM file, or a secret reference {source, provider, id}.'],
  ],
  [
    { ...ok, agentUrl: 'https://agent', tls: { ca: 1, crt: 'x' } },
    [
      '.tls.ca is 1; expected the path of a PEM file, or a secret reference {source, provider, id}.',
      '.tls.crt is not an option; did you mean "cert"?',
    ],
  ],
  [
    { ...ok, agentUrl: 'https://agent', tls: { cert: 1, key: '/key.pem' } },
    ['.tls.cert is 1; expected the path of a PEM file, or a secret reference {source, provider, id}.'],
  ],
  [{ ...ok, feed: 'pull' }, ['.feed is "pull"; expected "auto", "push" or "poll".']],
  [{ ...ok, pollInterval: 99 }, ['.pollInterval is 99; expected a whole number of ms from 100 to 3600000.']],
  [{ ...ok, pollInterval: '1s' }, ['.pollInterval is "1s"; expected a whole number of ms from 100 to 3600000.']],
  [{ ...ok, firstSync: '5' }, ['.firstSync is "5"; expected a duration such as "5 min" or "2 h", or a number of ms, at most 30 days.']],
  [
    { ...ok, firstSync: '5 parsecs' },
    ['.firstSync is "5 parsecs"; expected a duration such as "5 min" or "2 h", or a number of ms, at most 30 days.'],
  ],
  [{ ...ok, firstSync: -1 }, ['.firstSync is -1; expected a duration such as "5 min" or "2 h", or a number of ms, at most 30 days.']],
  [
    { ...ok, firstSync: '31 days' },
    ['.firstSync is "31 days"; expected a duration such as "5 min" or "2 h", or a number of ms, at most 30 days.'],
  ],
  [{ ...ok, selfHeal: 0 }, ['.selfHeal is 0; expected true or false.']],
  [{ ...ok, notifyOnFailure: 'never' }, ['.notifyOnFailure is "never"; expected true or false.']],
  [{ ...ok, historyLimit: -1 }, ['.historyLimit is -1; expected a whole number of messages from 0 to 200.']],
  [{ ...ok, historyLimit: 201 }, ['.historyLimit is 201; expected a whole number of messages from 0 to 200.']],
  [{ ...ok, mediaMaxMb: 0 }, ['.mediaMaxMb is 0; expected a number above 0, at most 1024.']],
  [{ ...ok, mediaMaxMb: '20' }, ['.mediaMaxMb is "20"; expected a number above 0, at most 1024.']],
  [{ ...ok, mentionPatterns: ['('] }, ['.mentionPatterns[0] is "("; expected a regular expression.']],
  [{ ...ok, mentionPatterns: '@bot' }, ['.mentionPatterns is "@bot"; expected a list of regular expressions, such as ["\\\\bbot\\\\b"].']],
  [{ ...ok, healthMonitor: false }, ['.healthMonitor is false; expected an object with enabled.']],
  [{ ...ok, healthMonitor: { enable: false } }, ['.healthMonitor.enable is not an option; did you mean "enabled"?']],
  [{ ...ok, inspector: true }, ['.inspector is true; expected an object with enabled and port.']],
  [{ ...ok, inspector: { enabled: true, port: 70_000 } }, ['.inspector.port is 70000; expected a port from 0 to 65535.']],
  [{ ...ok, limits: { dispatches: 0 } }, ['.limits.dispatches is 0; expected a whole number from 1 to 2147483647.']],
  [{ ...ok, limits: { dispatches: 1.5 } }, ['.limits.dispatches is 1.5; expected a whole number from 1 to 2147483647.']],
  [{ ...ok, limits: { dispatches: 2 ** 31 } }, ['.limits.dispatches is 2147483648; expected a whole number from 1 to 2147483647.']],
  [{ ...ok, limits: { dispachTimeoutMs: 1000 } }, ['.limits.dispachTimeoutMs is not an option; did you mean "dispatchTimeoutMs"?']],
  [{ ...ok, limits: { reconnectMs: 60_000 } }, ['.limits.reconnectMs is 60000; expected at most reconnectMsMax, which is 30000.']],
  [{ ...ok, limits: 8 }, ['.limits is 8; expected an object of limits, such as {dispatches: 4}.']],
  [{ ...ok, dispatches: 4 }, ['.dispatches is not an option; did you mean "limits.dispatches"?']],
  [{ ...ok, dm_policy: 'open' }, ['.dm_policy is not an option; did you mean "dmPolicy"?']],
  [{ ...ok, groups: {} }, ['.groups is not an option; did you mean "groupPermissions"?']],
  [{ ...ok, meshname: 'home' }, ['.meshname is not an option; did you mean "meshName"?']],
  [{ ...ok, xyz: 1 }, ['.xyz is not an option; the nearest one is "tls".']],
  [{ ...ok, port: 7000 }, ['.port is not an option; did you mean "inspector.port"?']],
  [{ ...ok, constructor: {} }, ['.constructor is not an option; remove it.']],
  [json('{"meshName":"home","username":"my-bot","__proto__":{"dmPolicy":"open"}}'), ['.__proto__ is not an option; remove it.']],
  [{ ...ok, name: '' }, ['.name is ""; expected a text.']],
  [{ ...ok, accounts: [] }, ['.accounts is a list; expected an object from account ids to their options.']],
  [{ ...ok, accounts: 3 }, ['.accounts is 3; expected an object from account ids to their options.']],
  [{ ...ok, accounts: { home: 'x' } }, ['.accounts.home is "x"; expected an object with the options of the account.']],
  [
    { ...ok, accounts: { 'my bot': {} } },
    ['.accounts["my bot"] is not an account id; expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit.'],
  ],
  [
    { ...ok, accounts: { _home: {} } },
    ['.accounts._home is not an account id; expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit.'],
  ],
  [{ ...ok, accounts: { constructor: {} } }, ['.accounts.constructor is a reserved word; give the account another id.']],
  [
    json('{"meshName":"home","username":"my-bot","accounts":{"__proto__":{"dmPolicy":"open"}}}'),
    ['.accounts.__proto__ is not an account id; expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit.'],
  ],
  [
    json('{"meshName":"home","username":"my-bot","groupPermissions":{"__proto__":{"groupPolicy":"open"}}}'),
    ['.groupPermissions.__proto__ is not a group; expected creator/group, such as "alice/team".'],
  ],
  [
    json('{"meshName":"home","username":"my-bot","groupPermissions":{"alice/team":{"toolsBySender":{"__proto__":{"allow":["exec"]}}}}}'),
    ['.groupPermissions["alice/team"].toolsBySender.__proto__ is not a name that can be used here.'],
  ],
  [
    { accounts: { home: { username: 'my-bot' } } },
    ['.accounts.home.meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".'],
  ],
  [
    { ...ok, accounts: { home: { inspector: {} } } },
    ['.accounts.home.inspector is not an option of an account; set it beside "accounts".'],
  ],
  [
    { ...ok, accounts: { home: { dmPolicy: 'friends' } } },
    ['.accounts.home.dmPolicy is "friends"; expected "pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled".'],
  ],
  [
    { ...ok, permitSource: 'server', accounts: { home: {}, work: { username: 'b' } } },
    ['.permitSource is "server", but permitUrl is missing; set it to the https URL of the permit server.'],
  ],
  [
    { ...ok, accounts: { home: {}, work: {} } },
    [
      '.accounts.work is the same bot as account "home" (my-bot on mesh home at http://localhost:7777) and both would answer; remove one, or set enabled: false.',
    ],
  ],
  [
    { ...ok, accounts: { home: { agentUrl: 'http://127.0.0.1:7777/' }, work: { agentUrl: 'http://localhost:7777' } } },
    [
      '.accounts.work is the same bot as account "home" (my-bot on mesh home at http://localhost:7777) and both would answer; remove one, or set enabled: false.',
    ],
  ],
  [
    { ...ok, accounts: { home: {}, Home: { username: 'b' } } },
    ['.accounts.Home differs from account "home" only in capital letters; give it another id.'],
  ],
  [{ ...ok, defaultAccount: 'work' }, ['.defaultAccount is "work"; expected the id of an account: "default".']],
  [
    { ...ok, accounts: { home: {}, work: { username: 'b' } }, defaultAccount: 'wrok' },
    ['.defaultAccount is "wrok"; expected the id of an account: "home" or "work".'],
  ],
  [{ ...ok, defaultAccount: 1 }, ['.defaultAccount is 1; expected the id of an account, in quotes.']],
]

describe('a bad config is refused', () => {
  test.each(rows)('%j', (input, problems) => {
    const found = problemsOf(input)

    expect(found).toEqual(problems.map(problem => `channels.ztm-chat${problem}`))
  })

  test('with every problem at once, whatever is wrong elsewhere', () => {
    const problems = problemsOf({
      dmPolcy: 'open',
      agentUrl: 7,
      permitSource: 'file',
      accounts: {
        home: { username: 'a b' },
        work: { meshName: 'm', username: 'u', limits: { dispatchs: 1, fetches: 0 }, tls: { key: 'k' } },
        'x y': {},
      },
      defaultAccount: 'nobody',
    })

    expect(problems).toEqual([
      'channels.ztm-chat.agentUrl is 7; expected an http or https URL, such as "http://localhost:7777", in quotes.',
      'channels.ztm-chat.accounts.home.username is "a b"; expected a name of 1 to 64 ASCII letters, digits, ".", "_" or "-".',
      'channels.ztm-chat.accounts.work.limits.fetches is 0; expected a whole number from 1 to 2147483647.',
      'channels.ztm-chat.accounts.work.limits.dispatchs is not an option; did you mean "dispatches"?',
      'channels.ztm-chat.accounts["x y"] is not an account id; expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit.',
      'channels.ztm-chat.dmPolcy is not an option; did you mean "dmPolicy"?',
      'channels.ztm-chat.permitSource is "file", but permitFilePath is missing; set it to the path of the permit file.',
      'channels.ztm-chat.accounts.home.meshName is missing; set it to the mesh that the ZTM agent has joined or is to join, such as "home".',
      'channels.ztm-chat.accounts.work.tls has key, but no cert; set both, or neither.',
      'channels.ztm-chat.defaultAccount is "nobody"; expected the id of an account: "home" or "work".',
    ])
  })

  test('under the prefix that the caller gives', () => {
    const problems = problemsOf({ ...ok, feed: 'pull' }, '')

    expect(problems).toEqual(['feed is "pull"; expected "auto", "push" or "poll".'])
  })

  test('without showing what may be a secret', () => {
    const problems = problemsOf({
      ...ok,
      agentUrl: 'http://me:secret@agent:7777/?token=secret',
      permitUrl: 'ftp://me:secret@permits/x?token=secret',
      tls: { ca: '', key: { source: 'env', id: 'secret' }, cert: ['secret'] },
      allowFrom: '-----BEGIN PRIVATE KEY-----secret',
    })

    expect(problems).toHaveLength(6)
    expect(problems.join()).not.toContain('secret@')
    expect(problems.join()).not.toContain('token=secret')
    expect(problems.join()).not.toContain('KEY-----secret')
  })

  test('whatever JSON it is, with at least one sentence and never with another error', () => {
    const key = fc.oneof(
      fc.constantFrom('accounts', 'groupPermissions', 'limits', 'tls', 'allowFrom', 'agentUrl', 'firstSync', '__proto__', 'constructor'),
      fc.string(),
    )
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { depthSize: 'medium' },
        fc.jsonValue(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { noNullPrototype: true, maxKeys: 5 }),
      ),
    }))

    fc.assert(
      fc.property(value, input => {
        const text = JSON.stringify(input)
        try {
          expect(parseConfig(json(text)).accounts.length).toBeGreaterThan(0)
        } catch (error) {
          if (!(error instanceof ConfigInvalid)) throw error
          expect(error.problems.length).toBeGreaterThan(0)
          expect(error.problems.filter(problem => !/^channels\.ztm-chat.*[.?]$/s.test(problem))).toEqual([])
        }
        expect(JSON.stringify(input)).toBe(text)
      }),
      { seed: 70_412, numRuns: 500 },
    )
  })

  test('of any options with any values, with at least one sentence and never with another error', () => {
    const names = [
      'enabled',
      'agentUrl',
      'meshName',
      'username',
      'permitSource',
      'permitUrl',
      'dmPolicy',
      'allowFrom',
      'groupPermissions',
      'tls',
      'limits',
      'firstSync',
      'mentionPatterns',
    ]
    const option = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom<unknown>(
        'server',
        'file',
        'home',
        'http://x',
        'open',
        ['alice'],
        { 'alice/team': null },
        { ca: 'x' },
        '5 min',
        { dispatches: 1 },
        null,
      ),
    )
    const options = fc.dictionary(fc.constantFrom(...names), option, { noNullPrototype: true })
    const whole = fc.tuple(
      options,
      fc.option(fc.dictionary(fc.constantFrom('home', 'work', 'A', '__proto__', ' '), fc.oneof(options, fc.constant(null)))),
    )

    fc.assert(
      fc.property(whole, ([root, accounts]) => {
        const input = json(JSON.stringify(accounts === null ? root : { ...root, accounts }))
        try {
          expect(parseConfig(input).accounts.length).toBeGreaterThan(0)
        } catch (error) {
          if (!(error instanceof ConfigInvalid)) throw error
          expect(error.problems.length).toBeGreaterThan(0)
        }
      }),
      { seed: 70_412, numRuns: 1_000 },
    )
  })
})

/** The only account of a config with these options. */
const one = (options: Record<string, unknown>) => {
  const [account] = parseConfig({ ...ok, ...options }).accounts
  if (account === undefined) throw new Error('no account')
  return account
}

describe('accounts', () => {
  test('without accounts the options are the account "default", and what is not set has the default of the docs', () => {
    const { accounts, defaultAccount, warnings, inspector, unresolvedSecrets } = parseConfig(ok)

    expect({ defaultAccount, warnings, inspector, unresolvedSecrets }).toEqual({
      defaultAccount: 'default',
      warnings: [],
      inspector: { enabled: false, port: null },
      unresolvedSecrets: [],
    })
    expect(accounts).toMatchObject([
      {
        id: 'default',
        name: null,
        enabled: true,
        agentUrl: 'http://localhost:7777',
        permit: null,
        meshName: 'home',
        username: 'my-bot',
        enableGroups: false,
        dmPolicy: 'pairing',
        allowFrom: [],
        apiTimeoutMs: 30_000,
        groupPolicy: 'allowlist',
        requireMention: true,
        historyLimit: null,
        groupPermissions: {},
        mentionPatterns: [],
        mediaMaxMb: 20,
        tls: null,
        feed: 'auto',
        selfHeal: true,
        notifyOnFailure: false,
        pollIntervalMs: 1_000,
        firstSyncMs: 300_000,
        limits: { dispatches: 8, fetches: 8 },
      },
    ])
  })

  test('what an account does not say, the root says', () => {
    const { accounts } = parseConfig({
      ...ok,
      dmPolicy: 'allow',
      apiTimeout: 5_000,
      accounts: { home: {}, work: { username: 'b', dmPolicy: 'disabled' } },
    })

    expect(accounts.map(({ id, username, dmPolicy, apiTimeoutMs }) => ({ id, username, dmPolicy, apiTimeoutMs }))).toEqual([
      { id: 'home', username: 'my-bot', dmPolicy: 'open', apiTimeoutMs: 5_000 },
      { id: 'work', username: 'b', dmPolicy: 'disabled', apiTimeoutMs: 5_000 },
    ])
  })

  test("an account's lists and maps replace the root's, empty ones too", () => {
    const { accounts } = parseConfig({
      ...ok,
      allowFrom: ['alice'],
      mentionPatterns: ['bot'],
      limits: { dispatches: 2 },
      groupPermissions: { 'alice/team': {} },
      accounts: { home: { allowFrom: [], mentionPatterns: [], limits: { fetches: 3 }, groupPermissions: { 'bob/club': {} } } },
    })

    expect(accounts[0]).toMatchObject({ allowFrom: [], mentionPatterns: [], limits: { dispatches: 8, fetches: 3 } })
    expect(Object.keys(accounts[0]?.groupPermissions ?? {})).toEqual(['bob/club'])
  })

  test('a key with nothing after it counts as not set, an account with nothing after it as an account', () => {
    const { accounts } = parseConfig({
      ...ok,
      allowFrom: ['alice'],
      tls: null,
      limits: { dispatches: null },
      groupPermissions: { 'alice/team': null, 'bob/club': { tools: null, toolsBySender: { carol: null } } },
      accounts: { home: null, work: { username: 'b', allowFrom: null } },
    })

    expect(accounts).toMatchObject([
      { id: 'home', allowFrom: ['alice'], limits: { dispatches: 8 } },
      { id: 'work', allowFrom: ['alice'] },
    ])
    expect(accounts[0]?.groupPermissions).toEqual({
      'alice/team': { groupPolicy: 'allowlist', requireMention: true, allowFrom: [], tools: null, toolsBySender: {} },
      'bob/club': { groupPolicy: 'allowlist', requireMention: true, allowFrom: [], tools: null, toolsBySender: { carol: {} } },
    })
  })

  test('off at the root is off everywhere, and an account that is off may be half written', () => {
    const { accounts } = parseConfig({ enabled: false, accounts: { home: { enabled: true }, work: {} } })

    expect(accounts.map(({ id, enabled, meshName }) => ({ id, enabled, meshName }))).toEqual([
      { id: 'home', enabled: false, meshName: '' },
      { id: 'work', enabled: false, meshName: '' },
    ])
  })

  test('two accounts may be the same bot while one of them is off', () => {
    const { accounts } = parseConfig({ ...ok, accounts: { home: {}, spare: { enabled: false } } })

    expect(accounts.map(account => account.enabled)).toEqual([true, false])
  })

  test('the default account is the chosen one, or "default", or the first; capital letters do not count', () => {
    const accounts = { Work: { username: 'b' }, home: {} }

    expect(parseConfig({ ...ok, accounts }).defaultAccount).toBe('work')
    expect(parseConfig({ ...ok, accounts: { ...accounts, default: { username: 'c' } } }).defaultAccount).toBe('default')
    expect(parseConfig({ ...ok, accounts, defaultAccount: 'Home' }).defaultAccount).toBe('home')
  })

  test('a bot beside accounts that no account is gets a warning', () => {
    const { warnings } = parseConfig({ ...ok, accounts: { work: { username: 'b' } } })

    expect(warnings).toEqual(['channels.ztm-chat.username is used by no account; add "default: {}" to accounts to keep that bot.'])
  })
})

describe('the ZTM agent', () => {
  test.each([
    ['http://localhost:7777/', 'http://localhost:7777'],
    ['https://Agent.Example/ztm/', 'https://agent.example/ztm'],
    ['http://[::1]:80/a/b', 'http://[::1]/a/b'],
    ['HTTP://127.0.0.1:7777', 'http://127.0.0.1:7777'],
  ])('agentUrl %s is %s', (agentUrl, canonical) => {
    expect(one({ agentUrl }).agentUrl).toBe(canonical)
  })

  test.each([
    ['http://localhost:7777', 0],
    ['http://agent.localhost', 0],
    ['http://127.8.8.8', 0],
    ['http://[::1]:7777', 0],
    ['https://agent.example', 0],
    ['http://agent.example', 1],
    ['http://127.0.0.1.example', 1],
    ['http://localhost.example', 1],
    ['http://192.168.1.2:7777', 1],
  ])('agentUrl %s gives %i warnings', (agentUrl, count) => {
    expect(parseConfig({ ...ok, agentUrl }).warnings).toHaveLength(count)
  })

  test('plain http to another machine gives a warning that says what to do', () => {
    expect(parseConfig({ ...ok, agentUrl: 'http://10.0.0.1:7777' }).warnings).toEqual([
      'channels.ztm-chat.agentUrl is plain http to another machine: whoever is on the way can read along and write as the bot; use https, or a tunnel.',
    ])
  })

  test.each([
    [{}, null],
    [
      { permitSource: 'server', permitUrl: 'https://p.example/permit' },
      { source: 'server', url: 'https://p.example/permit' },
    ],
    [{ permitUrl: 'https://p.example/permit' }, { source: 'server', url: 'https://p.example/permit' }],
    [{ permitUrl: 'http://127.0.0.1:9/permit' }, { source: 'server', url: 'http://127.0.0.1:9/permit' }],
    [{ permitFilePath: '~/permit.json' }, { source: 'file', path: '~/permit.json' }],
    [
      { permitSource: 'file', permitUrl: 'https://p.example', permitFilePath: '/p' },
      { source: 'file', path: '/p' },
    ],
  ])('%j is the permit %j', (options, permit) => {
    expect(one(options).permit).toEqual(permit)
  })

  test('tls takes paths, PEM texts and secret references', () => {
    const tls = { ca: '/ca.pem', cert: '-----BEGIN CERTIFICATE-----', key: { source: 'env', provider: 'default', id: 'KEY' } }
    const input = { ...ok, agentUrl: 'https://agent', tls }

    const unresolved = parseConfig(input)
    const resolved = parseConfig(input, { secret: ref => `the ${ref.source} ${ref.id}` })

    expect(unresolved.accounts[0]?.tls).toEqual({ ca: '/ca.pem', cert: '-----BEGIN CERTIFICATE-----', key: null })
    expect(unresolved.unresolvedSecrets).toEqual([{ account: 'default', option: 'channels.ztm-chat.tls.key' }])
    expect(unresolved.warnings).toEqual(['channels.ztm-chat.tls.key is a secret reference (env) that is not resolved here.'])
    expect(resolved.accounts[0]?.tls?.key).toBe('the env KEY')
    expect(resolved.unresolvedSecrets).toEqual([])
  })

  test('tls without https gives a warning', () => {
    expect(parseConfig({ ...ok, tls: { ca: '/ca.pem' } }).warnings).toEqual([
      'channels.ztm-chat.tls has no effect: agentUrl is plain http.',
    ])
  })
})

describe('policies', () => {
  test.each([
    ['pairing', 'pairing'],
    ['allow', 'open'],
    ['open', 'open'],
    ['deny', 'allowlist'],
    ['allowlist', 'allowlist'],
    ['disabled', 'disabled'],
  ])('dmPolicy %s is %s', (written, meant) => {
    expect(one({ dmPolicy: written }).dmPolicy).toBe(meant)
  })

  test("a group inherits the account's policy and mention rule, and never its allowlist", () => {
    const { groupPermissions } = one({
      groupPolicy: 'open',
      requireMention: false,
      allowFrom: ['*'],
      groupPermissions: {
        'alice/team': {},
        'alice/club': { creator: 'alice', group: 'club', groupPolicy: 'disabled', requireMention: true, allowFrom: ['bob'] },
      },
    })

    expect(groupPermissions).toEqual({
      'alice/team': { groupPolicy: 'open', requireMention: false, allowFrom: [], tools: null, toolsBySender: {} },
      'alice/club': { groupPolicy: 'disabled', requireMention: true, allowFrom: ['bob'], tools: null, toolsBySender: {} },
    })
  })

  test('tools are kept as they are written, an empty list too', () => {
    const { groupPermissions } = one({
      groupPermissions: {
        'alice/team': { tools: { allow: [], deny: null }, toolsBySender: { bob: { alsoAllow: ['exec'], deny: ['fs'] } } },
      },
    })

    expect(groupPermissions['alice/team']).toMatchObject({
      tools: { allow: [] },
      toolsBySender: { bob: { alsoAllow: ['exec'], deny: ['fs'] } },
    })
  })

  test('names are compared in one Unicode form', () => {
    const { allowFrom, groupPermissions } = one({
      allowFrom: ['Zoe\u0301'],
      groupPermissions: { 'Zoe\u0301/cafe\u0301': { creator: 'Zo\u00e9' } },
    })

    expect(allowFrom).toEqual(['Zo\u00e9'])
    expect(Object.keys(groupPermissions)).toEqual(['Zo\u00e9/caf\u00e9'])
  })

  test('a group or user that is called like a method is only found when it is written', () => {
    const { groupPermissions } = one({ groupPermissions: { 'constructor/valueOf': { toolsBySender: { toString: { deny: ['exec'] } } } } })

    expect(groupPermissions['constructor']).toBeUndefined()
    expect(groupPermissions['constructor/valueOf']?.toolsBySender).toEqual({ toString: { deny: ['exec'] } })
    expect(groupPermissions['constructor/valueOf']?.toolsBySender['valueOf']).toBeUndefined()
  })

  test('__proto__ in a config changes no object', () => {
    const input = json(
      '{"__proto__":{"polluted":1},"accounts":{"__proto__":{"polluted":1}},"groupPermissions":{"__proto__":{"polluted":1}},"limits":{"__proto__":1}}',
    )

    expect(problemsOf(input)).toContain('channels.ztm-chat.limits.__proto__ is not an option; remove it.')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('durations', () => {
  test.each([
    [300_000, 300_000],
    ['5m', 300_000],
    ['5 min', 300_000],
    ['5 minutes', 300_000],
    ['1.5h', 5_400_000],
    ['90 s', 90_000],
    ['250ms', 250],
    ['3 milliseconds', 3],
    ['30 days', 2_592_000_000],
    ['0 s', 0],
    [0, 0],
  ])('firstSync %j is %i ms', (written, ms) => {
    expect(one({ firstSync: written }).firstSyncMs).toBe(ms)
  })
})

describe('configs of the older plugin', () => {
  test('load unchanged, and what has no effect is named', () => {
    const { accounts, warnings } = parseConfig({
      enabled: true,
      agentUrl: 'http://localhost:7777',
      permitUrl: 'https://ztm-portal.flomesh.io:7779/permit',
      permitSource: 'server',
      meshName: 'production-mesh',
      username: 'my-bot',
      enableGroups: true,
      autoReply: true,
      messagePath: '/shared',
      dmPolicy: 'deny',
      allowFrom: ['alice', 'trusted-team'],
      apiTimeout: 30_000,
      groupPolicy: 'allowlist',
      requireMention: true,
      groupPermissions: {
        'alice/team': {
          creator: 'alice',
          group: 'team',
          groupPolicy: 'open',
          requireMention: false,
          allowFrom: ['bob'],
          tools: { allow: ['group:messaging', 'group:sessions'], deny: ['exec'] },
          toolsBySender: { bob: { alsoAllow: ['fs'], deny: ['exec'] } },
        },
      },
    })

    expect(accounts).toMatchObject([{ id: 'default', dmPolicy: 'allowlist', permit: { source: 'server' } }])
    expect(accounts[0]?.groupPermissions['alice/team']).toEqual({
      groupPolicy: 'open',
      requireMention: false,
      allowFrom: ['bob'],
      tools: { allow: ['group:messaging', 'group:sessions'], deny: ['exec'] },
      toolsBySender: { bob: { alsoAllow: ['fs'], deny: ['exec'] } },
    })
    expect(warnings).toEqual([
      'channels.ztm-chat.autoReply is an option of the older plugin and has no effect; you can remove it.',
      'channels.ztm-chat.messagePath is an option of the older plugin and has no effect; you can remove it.',
    ])
  })
})
