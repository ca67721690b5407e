import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeLife } from '../../src/runner/commands/explain.ts'
import { botAt, folderInTest, isLive, isSent, openWorld, run, startInTest, writeConfig } from './cli.ts'

async function conversation() {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, { dmPolicy: 'allowlist', allowFrom: ['alice'] }))
  const at = ['--config', config, '--state-dir', join(folder, 'state')]
  const runner = startInTest(['run', ...at, '--json'])
  await runner.line(isLive)
  await world.says('alice', 'hello')
  await world.says('mallory', 'let me in')
  await runner.line(isSent)
  const { id } = await runner.line(({ event, sender }) => event === 'decision' && sender === 'mallory')
  return { at, runner, ignored: String(id) }
}

describe('explain', { timeout: 60_000 }, () => {
  test('says why, what was asked, and what became of it: of a running bot and of its state at rest', async () => {
    const { at, runner, ignored } = await conversation()

    const online = await run(['explain', ignored.slice(0, 8), ...at])
    expect(online.err).toBe('')
    const said = online.out.join('\n')
    expect(said).toContain('It was not answered, because only people on the list may write to this bot, and “mallory” is not on it.')
    expect(said).toContain('→ May only people on the list write (dmPolicy "allowlist")? yes')
    expect(said).toContain(
      'It would be passed on if “mallory” is on the list of people who may always write (allowFrom), or if the bot’s owner approves “mallory” (pairing)',
    )
    const alice = await run(['explain', '--chat', 'alice', ...at])
    expect(alice.out.join('\n')).toMatch(/answered by the responder.*reply handed to the ZTM agent.*reply seen on the mesh/s)

    await runner.stop()
    expect((await run(['explain', ignored, ...at])).out).toEqual(online.out)
    const json = await run(['explain', '--chat', 'peer:alice', '--last', '1', ...at, '--json'])
    expect(JSON.parse(json.out[0]!)).toMatchObject({ account: 'default', sender: 'alice', decision: { reason: 'whitelisted' } })

    const replayed = await run(['replay', ...at])
    expect(replayed).toMatchObject({ code: 0, err: '' })
    expect(replayed.out.join('\n')).toMatch(/alice\trests\trests/)
    const early = await run(['replay', '--until', '1', ...at, '--json'])
    expect(JSON.parse(early.out[0]!)).toMatchObject({ account: 'default', firstSeq: 1, lastSeq: 1 })
  })

  test('refuses what it cannot understand, and names what there is not', async () => {
    const { at } = await conversation()

    expect(await run(['explain', ...at])).toMatchObject({ code: 2, err: expect.stringContaining('Say what to explain') })
    expect(await run(['explain', 'not-an-id', ...at])).toMatchObject({ code: 2, err: expect.stringContaining('no message id') })
    expect(await run(['explain', 'ffffffff', ...at])).toMatchObject({ code: 1, err: expect.stringContaining('No message with an id') })
    expect(await run(['explain', '--chat', 'nobody', ...at])).toMatchObject({
      code: 1,
      err: expect.stringContaining('Nothing is known of peer:nobody'),
    })
    expect(await run(['replay', '--until', 'soon', ...at])).toMatchObject({ code: 2, err: expect.stringContaining('expected a time') })
  })
})

test('what came from the mesh cannot move the cursor or start a line of its own', () => {
  const evil = 'a\u001b[2J\nb'
  const lines = describeLife({
    account: 'default',
    id: '0123456789abcdef01234567',
    chat: `peer:${evil}`,
    sender: evil,
    timeMs: 0,
    text: evil,
    decision: { action: 'ignore', reason: 'denied', detail: evil },
    explanation: {
      sentence: evil,
      rules: [{ question: evil, answer: evil, decides: true }],
      otherwise: [{ action: 'process', changes: [evil] }],
    },
    moments: [{ atMs: 0, what: 'dead letter', key: evil, detail: evil }],
  })
  for (const line of lines) expect(line).not.toMatch(/\p{Cc}/u)
})

test.each([
  ['what a responder resolved to', 'm1#1', '(part 2)'],
  ['what came with an id of its own, such as a delivery of OpenClaw’s', 'm1#0-1a2b3c4d.5e6f#1', '(part 2)'],
  ['what stands beside the answer', 'm1/apology#0', '(m1/apology#0)'],
])('a reply is counted by its parts: %s', (_, key, shown) => {
  const lines = describeLife({
    account: 'default',
    id: 'm1',
    chat: 'peer:alice',
    sender: 'alice',
    timeMs: 0,
    text: 'hi',
    decision: { action: 'process', reason: 'allowed', detail: '' },
    explanation: null,
    moments: [{ atMs: 0, what: 'reply confirmed', key }],
  })
  expect(lines.join('\n')).toContain(`reply seen on the mesh ${shown}`)
})
