import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAccountStore } from '../../../src/adapters/store/account-store.ts'
import { encodeLine } from '../../../src/adapters/store/lines.ts'
import { lookAtState, lookAtStateDir } from '../../../src/runner/doctor/state.ts'
import { record } from '../../adapters/store/world.ts'
import { settingsOf } from '../../plugin/stand-ins.ts'
import { folderInTest } from '../cli.ts'

const GIB = 1_073_741_824
const room = async () => GIB
const lines = (findings: Awaited<ReturnType<typeof lookAtStateDir>>) =>
  findings.map(({ level, message, remedy }) => `${level}: ${message}${remedy === null ? '' : ` → ${remedy}`}`)

describe('the state directory', () => {
  test('that does not exist yet is well, and is not made', async () => {
    const folder = await folderInTest()
    const state = join(folder, 'a', 'state')

    expect(lines(await lookAtStateDir(state, room))).toEqual([
      `ok: ${state} does not exist yet; the first run makes it.`,
      `ok: The disk of ${folder} has 1024 MiB left.`,
    ])
    expect(await readdir(folder)).toEqual([])
  })

  test('that is a file', async () => {
    const folder = await folderInTest()
    const file = join(folder, 'file')
    await writeFile(file, '')

    expect(lines(await lookAtStateDir(file, room))).toEqual([
      `problem: The state directory ${file} is a file; name a folder with --state-dir.`,
    ])
  })

  test.each([0o755, 0o770, 0o701])('that others may look into (mode %o)', async mode => {
    const state = await folderInTest()
    await chmod(state, mode)

    expect(lines(await lookAtStateDir(state, room))[0]).toBe(
      `problem: Others than its owner have rights to ${state} (mode ${mode.toString(8)}): messages are in it. → chmod 700 ${state}`,
    )
  })

  test('with what the bot and the file system keep there is well', async () => {
    const state = await folderInTest()
    for (const folder of ['accounts', 'lost+found']) await mkdir(join(state, folder))
    for (const file of ['lock.db', 'lock.json', 'control.sock', 'inspector-url']) await writeFile(join(state, file), '')

    expect(lines(await lookAtStateDir(state, room))[0]).toBe(`ok: ${state} is there, and this user may write to it.`)
  })

  const ownFolder = 'Stop the bot, move accounts, if it is there, to a folder of its own, and name that with --state-dir.'

  test.each([
    [['.bashrc'], '.bashrc'],
    [['notes', 'accounts', 'answer.sh', '.bashrc'], '.bashrc and 2 more'],
    [['a\nb'], String.raw`"a\nb"`],
  ])('with other things in it is told: %j', async (names, told) => {
    const state = await folderInTest()
    for (const name of names) await mkdir(join(state, name))

    expect(lines(await lookAtStateDir(state, room))[0]).toBe(`warning: ${state} also holds what is not the bot's: ${told}. → ${ownFolder}`)
  })

  test('with other things in it is not to be closed to those who may need them', async () => {
    const state = await folderInTest()
    await mkdir(join(state, 'shared'))
    await chmod(state, 0o755)

    expect(lines(await lookAtStateDir(state, room))[0]).toBe(
      `problem: Others than its owner have rights to ${state} (mode 755): messages are in it. → ${ownFolder}`,
    )
  })

  test.each<[string, number, string]>([
    ['no room', 63, 'problem'],
    ['little room', 511, 'warning'],
    ['room', 512, 'ok'],
  ])('on a disk with %s', async (_, mib, level) => {
    const state = await folderInTest()

    const [, space] = lines(await lookAtStateDir(state, async () => mib * 1_048_576))

    expect(space).toMatch(new RegExp(`^${level}: The disk of ${state} has ${mib} MiB left\\.`))
  })

  test('tells the room that there really is', async () => {
    const [, space] = lines(await lookAtStateDir(await folderInTest()))
    expect(space).toMatch(/has \d+ MiB left\./)
  })
})

describe('the state of an account', () => {
  const settings = settingsOf()

  async function recorded() {
    const root = await folderInTest()
    const store = await openAccountStore({ root, account: 'default' })
    await store.load()
    await store.append([record(1), record(2), record(3)])
    await store.close()
    const journal = join(root, 'accounts', 'default', 'journal')
    const [name = ''] = await readdir(journal)
    return { root, segment: join(journal, name) }
  }

  test('that never ran', async () => {
    const root = await folderInTest()
    expect(lines(await lookAtState(root, settings))).toEqual(['ok: The account has never run with this state directory.'])
    expect(await readdir(root)).toEqual([])
  })

  test('that is whole', async () => {
    const { root } = await recorded()
    expect(lines(await lookAtState(root, settings))).toEqual(['ok: What was recorded can be read.'])
  })

  test('that is damaged is told, and left as it is', async () => {
    const { root, segment } = await recorded()
    const damaged = (await readFile(segment, 'utf8')).replace('hello 2', 'hullo 2')
    await writeFile(segment, damaged)
    const before = await readdir(root, { recursive: true })

    const [first] = await lookAtState(root, settings)

    expect(first).toMatchObject({
      level: 'problem',
      message: expect.stringMatching(/^The state is damaged; the next start will say: journal\/.+ is damaged at byte \d+/),
      remedy: expect.stringContaining('if there is a backup, put it back before the next start'),
    })
    expect(await readFile(segment, 'utf8')).toBe(damaged)
    expect(await readdir(root, { recursive: true })).toEqual(before)
  })

  test('whose last write was torn is whole: a start cuts it', async () => {
    const { root, segment } = await recorded()
    const whole = await readFile(segment, 'utf8')
    await writeFile(segment, whole.slice(0, -5))

    expect(lines(await lookAtState(root, settings))).toEqual(['ok: What was recorded can be read.'])
    expect(await readFile(segment, 'utf8')).toBe(whole.slice(0, -5))
  })

  test('that earlier starts found damaged', async () => {
    const { root } = await recorded()
    const folder = join(root, 'accounts', 'default', 'damaged')
    await mkdir(folder)
    await writeFile(join(folder, 'x.log-1'), '')

    expect(lines(await lookAtState(root, settings))[1]).toBe(
      `warning: 1 damaged file of earlier starts lies in ${folder}. → Nothing uses them any more: keep them for whoever can read them, or remove them.`,
    )
  })

  test('of a newer version', async () => {
    const { root, segment } = await recorded()
    await writeFile(segment, encodeLine({ version: 2, after: 0 }))

    expect(lines(await lookAtState(root, settings))).toEqual([
      expect.stringMatching(
        /^problem: journal\/.+ was written by a newer version \(2\); install that version or use another state directory\./,
      ),
    ])
  })
})
