import { expect, test } from 'vitest'
import { createHostLog, levelFrom } from '../../src/plugin/log.ts'

function lines() {
  const written: string[] = []
  const write = (level: string) => (text: string) => void written.push(`${level}: ${text}`)
  return { written, host: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}

test('a line is the account, the phrase, and the fields as JSON', () => {
  const { written, host } = lines()
  createHostLog(host, 'debug', { account: 'work' })
    .child({ chat: 'peer:a\nb' })
    .warn({ attempt: 3, err: new Error('no\u0007pe') }, 'fetch failed')
  expect(written).toEqual(['warn: [work] fetch failed chat="peer:a\\nb" attempt=3 err="no\\u0007pe"'])
})

test('secrets are cut out by the name of their field, texts of messages are there at debug only and shortened, and nothing turns a line around', () => {
  const { written, host } = lines()
  const log = createHostLog(host, 'debug', { account: 'work', token: 'hunter2' })
  const text = 'x'.repeat(200)
  log.error({ settings: { permitUrl: 'hunter2', tls: { ca: 'ca.pem', cert: 'hunter2', key: 'hunter2' } }, key: 'a#0', text }, 'failed')
  log.debug({ text, user: '\u202eecila' }, 'decision')
  expect(written).toEqual([
    'error: [work] failed token="[redacted]" settings={"permitUrl":"[redacted]","tls":{"ca":"ca.pem","cert":"[redacted]","key":"[redacted]"}} key="a#0" text="[text]"',
    `debug: [work] decision token="[redacted]" text="${'x'.repeat(80)}…" user="\\u202eecila"`,
  ])
})

test('ZTM_CHAT_LOG_LEVEL silences what is below it, and anything it does not know silences nothing', () => {
  const { written, host } = lines()
  const log = createHostLog(host, levelFrom({ ZTM_CHAT_LOG_LEVEL: ' WARN ' }), { account: 'a' })
  log.debug({}, 'one')
  log.info({}, 'two')
  log.error({}, 'three')
  expect(written).toEqual(['error: [a] three'])
  expect(levelFrom({})).toBe('debug')
  expect(levelFrom({ ZTM_CHAT_LOG_LEVEL: 'loud' })).toBe('debug')
})

test('a host without a debug log loses debug lines only', () => {
  const written: string[] = []
  const log = createHostLog({ info: text => written.push(text), warn: () => {}, error: () => {} }, 'debug', { account: 'a' })
  log.debug({}, 'one')
  log.info({}, 'two')
  expect(written).toEqual(['[a] two'])
})
