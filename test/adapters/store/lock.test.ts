import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { acquireLock, lockHolder } from '../../../src/adapters/store/lock.ts'
import { StoreUnusable } from '../../../src/domain/errors.ts'
import { temporaryFolder } from './world.ts'

/** Another process that holds the folder until it is killed. */
async function holderOf(folder: string) {
  const script = `
    import { acquireLock } from ${JSON.stringify(new URL('../../../src/adapters/store/lock.ts', import.meta.url).href)}
    globalThis.lease = await acquireLock(${JSON.stringify(folder)})
    console.log('held')
    setInterval(() => {}, 1_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk
  })
  const lines = createInterface(child.stdout)
  await Promise.race([once(lines, 'line'), once(child, 'exit')])
  const kill = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { pid: child.pid, complaints: () => complaints, kill }
}

test('a folder that another process holds is refused, naming it; the lock dies with it, however it ends', async () => {
  const folder = temporaryFolder()
  const other = await holderOf(folder)
  expect(other.complaints()).toBe('')
  const { startedAt } = JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8'))

  await expect(acquireLock(folder, '/state')).rejects.toThrow(
    `The state directory /state is in use by process ${other.pid} (since ${startedAt}); stop it or use another --state-dir.`,
  )
  await other.kill()

  const lease = await acquireLock(folder)
  expect(JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
  await lease.release()
})

test('who holds a folder can be asked without holding or changing anything', async () => {
  const folder = temporaryFolder()
  expect(await lockHolder(folder)).toBeNull()
  expect(readdirSync(folder)).toEqual([])

  const other = await holderOf(folder)
  expect(await lockHolder(folder)).toMatch(new RegExp(`^process ${other.pid} \\(since .+Z\\)$`))
  const third = await holderOf(folder)
  expect(third.complaints()).toContain(`in use by process ${other.pid}`)

  await other.kill()
  expect(await lockHolder(folder)).toBeNull()
})

test('a second lock in the same process is refused, and asking for it does not loosen the first', async () => {
  const folder = temporaryFolder()
  const lease = await acquireLock(folder)

  await expect(acquireLock(folder)).rejects.toBeInstanceOf(StoreUnusable)
  await expect(acquireLock(folder)).rejects.toThrow(`in use by process ${process.pid} (since `)

  const other = await holderOf(folder)
  expect(other.complaints()).toContain(`in use by process ${process.pid} (since `)
  await lease.release()
})

test('a released folder can be locked again, and releasing twice is harmless', async () => {
  const folder = temporaryFolder()
  const first = await acquireLock(folder)
  await first.release()
  const second = await acquireLock(folder)
  await first.release()

  await expect(acquireLock(folder)).rejects.toThrow('is in use')
  await second.release()
  expect(readdirSync(folder)).toEqual(['lock.db'])
})

test('a holder in another container is named with its host', async () => {
  const folder = temporaryFolder()
  const lease = await acquireLock(folder)
  writeFileSync(join(folder, 'lock.json'), JSON.stringify({ pid: 17, startedAt: '2026-01-02T03:04:05.000Z', host: 'container-b' }))

  await expect(acquireLock(folder)).rejects.toThrow('is in use by process 17 on container-b (since 2026-01-02T03:04:05.000Z); stop it')
  await lease.release()
})

test('a holder that could not leave its note holds all the same', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'lock.json'))
  const lease = await acquireLock(folder)

  await expect(acquireLock(folder)).rejects.toThrow('is in use by another process; stop it or use another --state-dir.')
  await lease.release()
})

test('the lock’s files are for their owner alone', async () => {
  const folder = temporaryFolder()
  const lease = await acquireLock(folder)

  expect(readdirSync(folder).map(name => [name, statSync(join(folder, name)).mode & 0o777])).toEqual([
    ['lock.db', 0o600],
    ['lock.json', 0o600],
  ])
  await lease.release()
})

test('a lock file that is a link, or nonsense, is refused with what to do', async () => {
  const linked = temporaryFolder()
  symlinkSync(join(temporaryFolder(), 'elsewhere'), join(linked, 'lock.db'))
  const damaged = temporaryFolder()
  writeFileSync(join(damaged, 'lock.db'), 'no database at all '.repeat(100))

  await expect(acquireLock(linked)).rejects.toThrow('remove the link')
  await expect(acquireLock(damaged)).rejects.toThrow('remove that file while nothing runs on it')
})

test('a process in another pid namespace is refused as well, naming the holder', async () => {
  const folder = temporaryFolder()
  const lease = await acquireLock(folder)
  const url = JSON.stringify(new URL('../../../src/adapters/store/lock.ts', import.meta.url).href)
  const script = `
    import { acquireLock } from ${url}
    await acquireLock(${JSON.stringify(folder)}, '/state').then(() => console.log('held'), error => console.log(process.pid, error.message))`
  const node = [process.execPath, '--input-type=module', '--eval', script]
  // Only root may make a namespace; elsewhere two plain processes show the same lock.
  const mayUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0
  const [command, ...options] = mayUnshare ? ['unshare', '--pid', '--fork', ...node] : node
  const { stdout } = spawnSync(command!, options, { encoding: 'utf8' })

  expect(stdout).toContain(`The state directory /state is in use by process ${process.pid} (since `)
  // In its own namespace it is the first process.
  if (mayUnshare) expect(stdout).toMatch(/^1 /)
  await lease.release()
})
