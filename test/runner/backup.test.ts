import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { botAt, folderInTest, isLive, isSent, type Line, openWorld, run, startInTest, writeConfig } from './cli.ts'

const USERS = ['alice', 'bob', 'carol'] as const

async function bot(more: Readonly<Record<string, unknown>> = {}) {
  const [world, folder] = await Promise.all([openWorld(), folderInTest()])
  const config = await writeConfig(folder, botAt(world.url, more))
  const stateDir = join(folder, 'state')
  const at = ['--config', config, '--state-dir', stateDir]
  return { world, folder, stateDir, at, startBot: () => startInTest(['run', ...at, '--json']) }
}

describe('backup', { timeout: 90_000 }, () => {
  test('copies the state of a bot that goes on writing; put back, nothing is lost and nothing answered twice', async () => {
    // Small, so that it is folded again and again meanwhile.
    const { world, folder, stateDir, startBot } = await bot({ limits: { journalBytes: 30_000, loopAlternations: 1_000_000 } })
    const runner = startBot()
    await runner.line(isLive)
    const said: Record<string, string[]> = { alice: [], bob: [], carol: [] }
    const everybodySays = async (what: string) => {
      for (const user of USERS) {
        said[user]?.push(`${what} of ${user}`)
        await world.says(user, `${what} of ${user}`)
      }
    }
    const talk = async (rounds: number, what: string) => {
      for (let round = 1; round <= rounds; round++) await everybodySays(`${what} ${round}`)
    }
    const answered = () => runner.lines(isSent).length

    await talk(10, 'before')
    await expect.poll(answered, { timeout: 30_000 }).toBeGreaterThan(10)
    const talking = talk(30, 'meanwhile')
    const copied = await run(['backup', join(folder, 'copy'), '--state-dir', stateDir, '--json'])
    await talking
    await talk(5, 'afterwards')
    await expect.poll(answered, { timeout: 60_000 }).toBe(USERS.length * 45)
    await runner.stop('SIGKILL')

    expect(copied).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(copied.out[0] ?? '')).toMatchObject({ accounts: [{ account: 'default', problems: [] }] })
    await rename(stateDir, join(folder, 'lost'))
    await cp(join(folder, 'copy'), stateDir, { recursive: true })
    const again = startBot()
    await again.line(isLive)
    await everybodySays('last words')

    const all = (user: string) => said[user]?.map(text => `echo: ${text}`) ?? []
    for (const user of USERS) {
      await expect.poll(async () => (await world.answersTo(user)).at(-1), { timeout: 60_000 }).toBe(`echo: last words of ${user}`)
    }
    expect(await again.stop()).toMatchObject({ code: 0 })
    for (const user of USERS) expect(await world.answersTo(user)).toEqual(all(user))
  })

  test('tells what is in the copy and how it is put back; the copy is for its owner alone, and has no locks', async () => {
    const { world, folder, stateDir, at, startBot } = await bot()
    const runner = startBot()
    await runner.line(isLive)
    await world.says('alice', 'hi')
    await runner.line(isSent)
    await runner.stop()
    const copy = join(folder, 'deeper', 'copy')

    const copied = await run(['backup', copy, '--state-dir', stateDir])

    expect(copied).toMatchObject({ code: 0, err: '' })
    expect(copied.out).toEqual([
      expect.stringMatching(new RegExp(`^The state of 1 account is in ${copy} \\(\\d+ files?, \\d+\\.\\d MiB\\)\\.$`)),
      `To put it back, stop the bot, move ${stateDir} away, and move the copy there.`,
    ])
    expect(await readdir(join(folder, 'deeper'))).toEqual(['copy'])
    const names = await readdir(copy, { recursive: true })
    expect(names.filter(name => /lock|sock/.test(name))).toEqual([])
    for (const name of ['.', ...names]) expect((await stat(join(copy, name))).mode & 0o077, name).toBe(0)
    const status = async (dir: string) =>
      (await run(['status', ...at.slice(0, 2), '--state-dir', dir, '--json'])).out.map(line => JSON.parse(line) as Line)
    expect(await status(copy)).toEqual(await status(stateDir))
  })

  test('says what is damaged, and keeps what can be read', async () => {
    const { world, folder, stateDir, startBot } = await bot()
    const runner = startBot()
    await runner.line(isLive)
    await world.says('alice', 'hi')
    await runner.line(isSent)
    await runner.stop()
    const journal = join(stateDir, 'accounts', 'default', 'journal')
    const segment = join(journal, (await readdir(journal))[0] ?? '')
    await writeFile(segment, (await readFile(segment, 'utf8')).replace('message.accepted', 'message.excepted'))

    const copied = await run(['backup', join(folder, 'copy'), '--state-dir', stateDir])

    expect(copied).toMatchObject({ code: 1, err: expect.stringMatching(/^ztm-chat: journal\/.+ is damaged at byte \d+/) })
    expect((await stat(join(folder, 'copy', 'accounts', 'default', 'journal'))).isDirectory()).toBe(true)
  })

  test('refuses a folder that is there, one in the state directory, and a state directory without state', async () => {
    const folder = await folderInTest()
    const stateDir = join(folder, 'state')
    const refusal = async (to: string) => (await run(['backup', to, '--state-dir', stateDir])).err
    await mkdir(stateDir)

    expect(await refusal(folder)).toBe(`ztm-chat: ${folder} is there already; name a folder that is to be made.\n`)
    expect(await refusal(join(stateDir, 'copy'))).toContain(`lies in the state directory ${stateDir}; name a folder outside of it`)
    expect(await refusal(join(folder, 'copy'))).toBe(`ztm-chat: There is no state in ${stateDir}; name another folder with --state-dir.\n`)
    expect(await readdir(folder)).toEqual(['state'])
  })
})
