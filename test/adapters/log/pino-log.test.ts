import { expect, test } from 'vitest'
import { createPinoLog, type LogLevel, parseLogLevel } from '../../../src/adapters/log/pino-log.ts'
import { ZtmAgentUnreachable } from '../../../src/domain/errors.ts'

function logAt(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  const log = createPinoLog({ level, to: { write: line => void lines.push(JSON.parse(line)) } })
  return { log, lines: () => lines.map(({ time: _, ...line }) => line) }
}

test('a line is a fixed phrase and its fields, those of the parents included', () => {
  const { log, lines } = logAt('info')
  log.child({ account: 'home' }).child({ chat: 'peer:alice' }).warn({ attempt: 3, key: 'a#0' }, 'fetch failed')
  expect(lines()).toEqual([{ level: 40, account: 'home', chat: 'peer:alice', attempt: 3, key: 'a#0', msg: 'fetch failed' }])
})

test.each<[LogLevel, readonly string[]]>([
  ['debug', ['d', 'i', 'w', 'e']],
  ['info', ['i', 'w', 'e']],
  ['warn', ['w', 'e']],
  ['error', ['e']],
])('at %s, lines below it are left out', (level, expected) => {
  const { log, lines } = logAt(level)
  log.debug({}, 'd')
  log.info({}, 'i')
  log.warn({}, 'w')
  log.error({}, 'e')
  expect(lines().map(line => line['msg'])).toEqual(expected)
})

test('secrets are cut out, wherever they stand', () => {
  const { log, lines } = logAt('debug')
  log.child({ token: 'hunter2' }).error(
    {
      permit: { ca: 'hunter2' },
      permitUrl: 'https://x/?token=hunter2',
      settings: { tls: { ca: 'ca.pem', cert: 'hunter2', key: 'hunter2' }, password: 'hunter2' },
      headers: { authorization: 'hunter2' },
      agent: { certificate: 'hunter2', privateKey: 'hunter2' },
    },
    'all of it',
  )
  expect(JSON.stringify(lines())).not.toContain('hunter2')
  expect(JSON.stringify(lines())).toContain('ca.pem')
})

test('an error is its sentence, its code and its cause; the stack is for those who debug', () => {
  const err = Object.assign(new ZtmAgentUnreachable('It is away.', { cause: new Error('connect ECONNREFUSED') }), { request: 'hunter2' })
  const [quiet, deep] = [logAt('error'), logAt('debug')]
  quiet.log.error({ err }, 'failed')
  deep.log.error({ err }, 'failed')
  expect(quiet.lines()).toEqual([
    { level: 50, err: { type: 'ZtmAgentUnreachable', message: 'It is away.', cause: 'connect ECONNREFUSED' }, msg: 'failed' },
  ])
  expect(deep.lines()[0]?.['err']).toMatchObject({ stack: expect.stringContaining('pino-log.test.ts') })
  expect(JSON.stringify(deep.lines())).not.toContain('hunter2')
})

test('texts of messages are there at debug only, and shortened', () => {
  const [info, debug] = [logAt('info'), logAt('debug')]
  const text = 'x'.repeat(200)
  info.log.error({ text }, 'failed')
  debug.log.debug({ text, body: 'short' }, 'failed')
  expect(info.lines()[0]?.['text']).toBe('[text]')
  expect(debug.lines()[0]).toMatchObject({ text: `${'x'.repeat(80)}…`, body: 'short' })
})

test('a line turns nothing around, and says the same', () => {
  const lines: string[] = []
  const log = createPinoLog({ level: 'info', to: { write: line => void lines.push(line) } })
  log.warn({ chat: 'peer:\u202eecila\u{e0041}\u200b' }, 'failed')
  expect(lines[0]).toContain(String.raw`"peer:\u202eecila\udb40\udc41\u200b"`)
  expect(lines[0]?.endsWith('}\n')).toBe(true)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ chat: 'peer:\u202eecila\u{e0041}\u200b' })
})

test('the level is warn unless it is said, and an unknown one is none', () => {
  expect([undefined, '', 'debug', 'info', 'warn', 'error', 'trace', 'WARN'].map(parseLogLevel)).toEqual([
    'warn',
    'warn',
    'debug',
    'info',
    'warn',
    'error',
    null,
    null,
  ])
})
