import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigInvalid } from '../../src/domain/errors.ts'
import { type LoadOptions, loadConfigFile } from '../../src/runner/config-file.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ztm-chat-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function load(name: string, content: string | Uint8Array, options?: LoadOptions) {
  const path = join(folder, name)
  await writeFile(path, content)
  return loadConfigFile(path, options)
}

/** The problems, with the folder cut away. */
async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  const error = await loading.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ConfigInvalid)
  return error instanceof ConfigInvalid ? error.problems.map(problem => problem.replace(`${folder}/`, '')) : []
}

describe('a config file is', () => {
  test.each([
    ['a.json5', "{ meshName: 'home', /* the bot */ username: 'my-bot', }"],
    ['a.json', '{ "meshName": "home", "username": "my-bot" }'],
    ['a.yaml', 'meshName: home\nusername: my-bot\ntls:\n'],
    ['a.yml', '# the bot\nmeshName: home\nusername: my-bot\n'],
    ['A.JSON5', "\uFEFF{ meshName: 'home', username: 'my-bot' }"],
    ['openclaw.json', "{ gateway: { port: 1 }, channels: { telegram: {}, 'ztm-chat': { meshName: 'home', username: 'my-bot' } } }"],
  ])('%s with %j', async (name, content) => {
    const { accounts } = await load(name, content)

    expect(accounts).toMatchObject([{ id: 'default', meshName: 'home', username: 'my-bot' }])
  })

  test('~ in it is the home folder, in the paths of the permit and of tls', async () => {
    const content =
      'meshName: home\nusername: my-bot\nagentUrl: https://agent\npermitFilePath: ~/permit.json\ntls: { ca: ~/ca.pem, cert: ~me/cert.pem, key: /key.pem }\n'

    const { accounts } = await load('home.yaml', content, { home: '/home/me' })

    expect(accounts[0]?.permit).toEqual({ source: 'file', path: '/home/me/permit.json' })
    expect(accounts[0]?.tls).toEqual({ ca: '/home/me/ca.pem', cert: '~me/cert.pem', key: '/key.pem' })
  })

  test('a secret reference to an environment variable in it is the value of the variable', async () => {
    const content =
      "{ meshName: 'home', username: 'my-bot', agentUrl: 'https://agent', tls: { ca: { source: 'env', provider: 'default', id: 'ZTM_CA' } } }"

    const { accounts, warnings } = await load('secret.json5', content, { env: { ZTM_CA: '~/ca.pem' }, home: '/home/me' })

    expect(accounts[0]?.tls?.ca).toBe('/home/me/ca.pem')
    expect(warnings).toEqual([])
  })
})

describe('a bad config file is refused', () => {
  const EMPTY = 'is empty; expected an object with at least meshName and username.'

  test.each<[string, string | Uint8Array, readonly string[]]>([
    ['b.json5', '', [`b.json5 ${EMPTY}`]],
    ['b.json5', ' \n\uFEFF', [`b.json5 ${EMPTY}`]],
    ['b.json', 'null', [`b.json ${EMPTY}`]],
    ['b.yaml', '# nothing yet\n', [`b.yaml ${EMPTY}`]],
    ['b.json5', '// nothing yet', ['b.json5:1:15 is not JSON5: invalid end of input; correct it there.']],
    ['b.json5', "{\n  meshName: 'home'\n  username: 1 }", ["b.json5:3:3 is not JSON5: invalid character 'u'; correct it there."]],
    ['b.yaml', 'meshName: home\nmeshName: work\n', ['b.yaml:2:1 is not YAML: Map keys must be unique; correct it there.']],
    [
      'b.yaml',
      'a: [1\nb: 2',
      ['b.yaml:2:1 is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]; correct it there.'],
    ],
    ['b.yaml', 'a: *x\n', ['b.yaml:1:1 is not YAML: Unresolved alias (the anchor must be set before the alias): x; correct it there.']],
    ['b.yaml', 'a: 1\n---\nb: 2\n', ['b.yaml:2:1 is not YAML: Source contains multiple documents; correct it there.']],
    ['b.toml', 'a = 1', ['b.toml has no known ending; expected a .json5, .json, .yaml or .yml file.']],
    ['b.json', new Uint8Array([0x7b, 0xff, 0x7d]), ['b.json is not UTF-8 text; save it as UTF-8.']],
    ['b.json', ' '.repeat(1_048_577), ['b.json has 1048577 bytes; a config has at most 1048576: is it the right file?']],
    ['b.json', '"text"', ['b.json: the config is "text"; expected an object with the options of the channel.']],
    [
      'b.json',
      '{"channels":{"telegram":{}}}',
      ['b.json has channels, but no channels.ztm-chat; add it with at least meshName and username.'],
    ],
    [
      'b.json',
      '{"channels":{"ztm-chat":{"meshName":"home","username":"my-bot","feed":"pull"}}}',
      ['b.json: channels.ztm-chat.feed is "pull"; expected "auto", "push" or "poll".'],
    ],
    [
      'b.json',
      '{"meshName":"home","dmPolcy":"open","accounts":{"home":{}}}',
      [
        'b.json: dmPolcy is not an option; did you mean "dmPolicy"?',
        'b.json: accounts.home.username is missing; set it to the bot\'s own user on the mesh, such as "my-bot".',
      ],
    ],
    [
      'b.json5',
      "{ meshName: 'home', username: 'my-bot', agentUrl: 'https://agent', tls: { ca: { source: 'env', provider: 'default', id: 'NOT_SET' } } }",
      [
        'b.json5: tls.ca is a secret reference without a value; expected {source: "env", id: NAME} with NAME set, or the path of a PEM file.',
      ],
    ],
  ])('%s with %j', async (name, content, problems) => {
    expect(await problemsOf(load(name, content, { env: {} }))).toEqual(problems)
  })

  test('when it does not exist', async () => {
    expect(await problemsOf(loadConfigFile(join(folder, 'none.json5')))).toEqual([
      'none.json5 does not exist; "ztm-chat init" writes one, or name another with --config.',
    ])
  })

  test('when it is a folder', async () => {
    await mkdir(join(folder, 'folder.json'))

    expect(await problemsOf(loadConfigFile(join(folder, 'folder.json')))).toEqual(['folder.json is a folder; expected a file.'])
  })

  test('when it is a pipe, from which reading might never end', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.json')])

    expect(await problemsOf(loadConfigFile(join(folder, 'pipe.json')))).toEqual(['pipe.json is no regular file; expected a file.'])
  })

  test('when it cannot be read, with the reason that the system gives', async () => {
    await symlink('loop.json', join(folder, 'loop.json'))

    expect(await problemsOf(loadConfigFile(join(folder, 'loop.json')))).toEqual(['loop.json cannot be read (ELOOP).'])
  })

  test.each([
    ['brackets', `allowFrom: ${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['dashes', `${'- '.repeat(5_000)}x`],
    ['indents', Array.from({ length: 1_400 }, (_, level) => `${' '.repeat(level)}a:`).join('\n')],
  ])('when it is nested without end, by %s', async (_, content) => {
    expect(await problemsOf(load('deep.yaml', content))).toEqual([
      expect.stringMatching(
        /^deep\.yaml:\d+:\d+ is nested too deeply to be read; a config has less than ten levels: is it the right file\?$/,
      ),
    ])
  })

  test('nested without end in JSON5, it is told as any other value', async () => {
    const content = `{ meshName: 'home', username: 'my-bot', allowFrom: ${'['.repeat(5_000)}${']'.repeat(5_000)} }`

    expect(await problemsOf(load('deep.json5', content))).toEqual([
      'deep.json5: allowFrom[0] is a list; expected the name of a mesh user without blanks around it, or "*" for everyone.',
    ])
  })

  test('when an alias in it would grow without end', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index]}`)}]`),
    ]

    expect(await problemsOf(load('bomb.yaml', bomb.join('\n')))).toEqual([
      'bomb.yaml:1:1 is not YAML: Excessive alias count indicates a resource exhaustion attack; correct it there.',
    ])
  })
})
