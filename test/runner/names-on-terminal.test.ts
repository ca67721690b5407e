/** Somebody who looks like somebody else, from the knock at the door to the explanation: what the operator sees on the terminal. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, openWorld, run, startInTest, writeConfig } from './cli.ts'

const CYRILLIC = '\u0430lice'
const TURNED = '\u202eecila'

describe('names on the terminal', { timeout: 60_000 }, () => {
  test('cannot be taken for another one, and move nothing', async () => {
    const [world, folder] = await Promise.all([openWorld(), folderInTest()])
    const config = await writeConfig(folder, botAt(world.url, { dmPolicy: 'pairing', allowFrom: ['alice'] }))
    const at = ['--config', config, '--state-dir', join(folder, 'state')]
    const runner = startInTest(['run', ...at])
    for (const name of [CYRILLIC, TURNED]) await world.says(name, 'it is me, alice')
    const said = () => runner.out.join('\n')
    await expect.poll(() => said().match(/asks to be let in/g)?.length, { timeout: 30_000 }).toBe(2)
    const [, code = ''] = new RegExp(`${CYRILLIC} .* asks to be let in: .* approve ([A-Z2-9]{8})`).exec(said()) ?? []

    const outputs = [
      (await run(['pairing', 'list', ...at])).out.join('\n'),
      (await run(['explain', '--chat', CYRILLIC, ...at])).out.join('\n'),
      (await run(['explain', '--chat', TURNED, ...at])).out.join('\n'),
      (await run(['pairing', 'approve', code, ...at])).out.join('\n'),
      (await run(['chats', ...at])).out.join('\n'),
      (await run(['users', ...at])).out.join('\n'),
      (await run(['pairing', 'list', ...at, '--json'])).out.join('\n'),
      said(),
    ]

    const [list, cyrillic, turned, approved, chats, users, asJson] = outputs
    for (const shown of [list, chats, users, said()]) {
      expect(shown).toContain(`${CYRILLIC} ‹Cyrillic, Latin›`)
      expect(shown).toContain('\\u{202e}ecila')
    }
    expect(said()).toContain(`${CYRILLIC} ‹Cyrillic, Latin› asks to be let in`)
    expect(cyrillic).toContain(`peer:${CYRILLIC} ‹Cyrillic, Latin›`)
    expect(turned).toContain('peer:\\u{202e}ecila')
    expect(JSON.parse(asJson ?? '')).toMatchObject({ user: TURNED })
    expect(approved).toContain(`${CYRILLIC} ‹Cyrillic, Latin› is approved`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(outputs.join('\n')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/)
  })

  test('that are wrong in an argument are told without being obeyed', async () => {
    const { code, err } = await run(['send', '--to', `group:${TURNED}/\u001b[2J`, 'hi'])

    expect(code).toBe(2)
    expect(err).toContain('\\u{1b}[2J')
    for (const moves of ['\u202e', '\u001b']) expect(err).not.toContain(moves)
  })
})
