/** What a real disk does to a real runner: it is full for a while, or gives back something else than was written. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  botAt,
  folderInTest,
  isLive,
  isSent,
  type Line,
  type Running,
  run,
  startInTest,
  type World,
  worldOf,
  writeConfig,
} from '../../runner/cli.ts'

const WAIT = { timeout: 30_000 }
const LIMITS = { reconnectMs: 50, reconnectMsMax: 200, lostPostMs: 4_000, lostUnansweredPostMs: 4_000 }

async function bot() {
  const agent = startInTest(['agent', '--port', '0', '--json'])
  const world = worldOf(await agent.line(({ event }) => event === 'ready'))
  const folder = await folderInTest()
  /** For the starts to come. */
  const configure = (limits: Readonly<Record<string, number>>) =>
    writeConfig(folder, botAt(world.url, { limits: { ...LIMITS, ...limits } }))
  const config = await configure({})
  const stateDir = join(folder, 'state')
  const at = ['--config', config, '--state-dir', stateDir]
  return { world, stateDir, at, configure, startBot: () => startInTest(['run', ...at, '--json']) }
}

const statusOf = async (at: readonly string[]): Promise<Line> => JSON.parse((await run(['status', ...at, '--json'])).out[0]!) as Line
const isDegraded = (line: Line): boolean => line.event === 'state' && line['state'] === 'degraded'
const answers = (world: World, user: string) => () => world.answersTo(user)

/** Whether the command of the operating system did it. */
const system = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0

type Disk = { fill(runner: Running): void; free(runner: Running): void }

/** A small file system of its own, where this process may mount one. */
function mountSmallDisk(dir: string): Disk | null {
  if (!system('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', dir)) return null
  onTestFinished(() => void system('umount', '--lazy', dir))
  const filler = join(dir, 'filler')
  return {
    fill() {
      expect(() => {
        for (;;) appendFileSync(filler, Buffer.alloc(4_096))
      }).toThrow('ENOSPC')
    },
    free: () => rmSync(filler),
  }
}

/** No file of the runner may grow beyond nothing: to the runner it is a disk without room, and no rights are needed. */
const limitFileSizes = (): Disk => {
  const limit = (runner: Running, bytes: string) =>
    expect(system('prlimit', '--pid', String(runner.process.pid), `--fsize=${bytes}:`)).toBe(true)
  return { fill: runner => limit(runner, '0'), free: runner => limit(runner, 'unlimited') }
}

const DISKS: Readonly<Record<string, (dir: string) => Disk | null>> = {
  'a small disk': mountSmallDisk,
  'a limit on file sizes': limitFileSizes,
}

/** Too long for the room that is left in a file's last block. */
const [two, three] = ['two', 'three'].map(text => `${text} ${'and so on '.repeat(300)}end`) as [string, string]

describe('a disk without room', { timeout: 120_000 }, () => {
  test.each(Object.entries(DISKS))(
    '%s: the account says so, answers nothing that it cannot record, and goes on when there is room',
    async (_, make) => {
      const { world, stateDir, at, configure, startBot } = await bot()
      await mkdir(stateDir, { mode: 0o700 })
      const disk = make(stateDir) ?? limitFileSizes()
      const first = startBot()
      await first.line(isLive)
      await world.says('alice', 'one')
      await first.line(isSent)

      disk.fill(first)
      await world.says('alice', two)
      await world.says('bob', three)
      const degraded = await first.line(isDegraded)
      expect(degraded['reason']).toContain(stateDir)
      expect(await statusOf(at)).toMatchObject({ running: true, state: 'degraded', counters: { seen: 1 } })
      await first.stop('SIGKILL')
      // It wants to fold its journal after every few records, and cannot.
      await configure({ journalBytes: 2_048 })
      const second = startBot()
      disk.fill(second)
      await second.line(isDegraded)
      expect(await world.answersTo('alice')).toEqual(['echo: one'])

      disk.free(second)
      await expect.poll(answers(world, 'alice'), WAIT).toEqual(['echo: one', `echo: ${two}`])
      await expect.poll(answers(world, 'bob'), WAIT).toEqual([`echo: ${three}`])
      expect(await statusOf(at)).toMatchObject({ state: 'live', reason: null, warnings: [] })
      expect((await second.stop()).code).toBe(0)
      const third = startBot()
      await third.line(isLive)
      await world.says('alice', 'four')
      await expect.poll(answers(world, 'alice'), WAIT).toEqual(['echo: one', `echo: ${two}`, 'echo: four'])
    },
  )
})

/** The first or last line of the journal with such an event of alice's chat, and the newest line. */
async function journalOf(stateDir: string, which: 'first' | 'last', kind: string) {
  const folder = join(stateDir, 'accounts', 'default', 'journal')
  const name = (await readdir(folder)).sort().at(-1)!
  const path = join(folder, name)
  const bytes = await readFile(path)
  const lines = bytes.toString('latin1').split('\n').slice(0, -1)
  const fits = (line: string) => line.includes(`"${kind}"`) && line.includes('chat:peer:alice')
  const index = which === 'first' ? lines.findIndex(fits) : lines.findLastIndex(fits)
  expect(index).toBeGreaterThan(0)
  const startOf = (line: number) => lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, 0)
  return {
    path,
    name,
    bytes,
    seq: (JSON.parse(lines[index]!.slice(lines[index]!.indexOf('{'))) as { seq: number }).seq,
    /** Without the header, the damaged one, and the torn one. */
    readable: lines.length - 3,
    at: startOf(index),
    middle: startOf(index) + Math.floor(lines[index]!.length / 2),
    lastAt: startOf(lines.length - 1),
  }
}

describe('a damaged journal', { timeout: 120_000 }, () => {
  test.each([
    ['first', 'chat.opened'],
    ['first', 'message.accepted'],
    ['last', 'message.accepted'],
    ['first', 'turn.answered'],
    ['last', 'turn.answered'],
    ['first', 'reply.posting'],
    ['last', 'reply.posting'],
    ['first', 'reply.sent'],
  ] as const)(
    'a flipped bit in the %s %s and a torn last line: the account starts, says what it set aside, and answers nothing twice',
    async (which, kind) => {
      const { world, stateDir, at, startBot } = await bot()
      const first = startBot()
      await first.line(isLive)
      const texts = ['one', 'two', 'three']
      for (const text of texts) for (const user of ['alice', 'bob']) await world.says(user, text)
      await expect.poll(() => first.lines(isSent).length, WAIT).toBe(6)
      // The torn line is of bob's chat: of no conversation more than one record is lost.
      await world.says('bob', 'bye')
      await expect.poll(() => first.lines(isSent).length, WAIT).toBe(7)
      await first.stop('SIGKILL')
      const journal = await journalOf(stateDir, which, kind)
      journal.bytes[journal.middle]! ^= 0x01
      await writeFile(journal.path, journal.bytes)
      await truncate(journal.path, Math.floor((journal.lastAt + journal.bytes.length) / 2))

      const second = startBot()
      await second.line(isLive)
      const { warnings } = await statusOf(at)
      const where = join(stateDir, 'accounts', 'default')
      const sentences = [
        `journal/${journal.name} in ${where} is damaged at byte ${journal.at} and was set aside as damaged/${journal.name}-1; the ${journal.readable} records that can be read are loaded.`,
        `Record ${journal.seq} is missing from the journal of ${where}; what was changed there is lost where no snapshot has it.`,
      ]
      expect(warnings).toEqual(sentences)
      // What was written stays for whoever can make something of it.
      expect(await readFile(join(where, 'damaged', `${journal.name}-1`))).toHaveLength(
        Math.floor((journal.lastAt + journal.bytes.length) / 2),
      )
      const told = (await run(['status', ...at])).out
      for (const sentence of sentences) expect(told).toContain(`  ! ${sentence}`)
      for (const user of ['alice', 'bob']) {
        await world.says(user, 'four')
        await expect.poll(answers(world, user), WAIT).toContain('echo: four')
      }
      expect((await second.stop()).code).toBe(0)
      const third = startBot()
      await third.line(isLive)
      for (const user of ['alice', 'bob']) {
        await world.says(user, 'five')
        await expect.poll(answers(world, user), WAIT).toContain('echo: five')
        const before = user === 'bob' ? [...texts, 'bye'] : texts
        expect(await world.answersTo(user)).toEqual([...before, 'four', 'five'].map(text => `echo: ${text}`))
      }
      const { warnings: lasting, deadLetters } = await statusOf(at)
      expect(lasting).not.toContainEqual(expect.stringContaining('set aside'))
      expect(deadLetters).toBe(0)
    },
  )
})
