import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createPluginInspector } from '../../src/plugin/inspector.ts'
import { createWorld } from '../../src/simulator/world.ts'

async function twoAccounts(inspector?: unknown) {
  const world = createWorld({ config: { accounts: { home: { username: 'home-bot' }, work: { username: 'work-bot' } } } })
  await world.start()
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-plugin-inspector-'))
  onTestFinished(async () => {
    await world.stop()
    await rm(folder, { recursive: true })
  })
  const { log, lines } = createMemoryLog()
  const page = createPluginInspector('1.2.3')
  const enter = (id: string, option = inspector) =>
    page.enter({ handle: world.runtime.account(id)!, events: world.runtime.events, section: { inspector: option }, folder, log })
  const address = () => readFile(join(folder, 'inspector-url'), 'utf8').then(text => new URL(text.trim()))
  const statusOf = async (url: URL) => {
    const answer = await fetch(`${url.origin}/status`, { headers: { Authorization: `Bearer ${url.hash.replace('#token=', '')}` } })
    const { accounts } = (await answer.json()) as { accounts: readonly { status: { account: string } }[] }
    return accounts.map(({ status }) => status.account)
  }
  return { folder, lines, enter, address, statusOf }
}

test('the page is off unless the config asks for it', async () => {
  for (const inspector of [undefined, {}, { enabled: false, port: 7_000 }]) {
    const { enter, address } = await twoAccounts(inspector)
    const leave = await enter('home')
    await expect(address()).rejects.toThrow('ENOENT')
    await leave()
  }
})

test('one page shows all accounts while one of them runs, and its address is for this user’s eyes only', async () => {
  const { folder, lines, enter, address, statusOf } = await twoAccounts({ enabled: true })
  const [leaveHome, leaveWork] = await Promise.all([enter('home'), enter('work')])
  const url = await address()
  expect((await stat(join(folder, 'inspector-url'))).mode & 0o777).toBe(0o600)
  expect(await statusOf(url)).toEqual(['home', 'work'])
  expect(JSON.stringify(lines)).not.toContain(url.hash.replace('#token=', ''))
  await leaveHome()
  expect(await statusOf(url)).toEqual(['work'])
  await leaveWork()
  await expect(address()).rejects.toThrow('ENOENT')
  await expect(fetch(url.origin)).rejects.toThrow()
})

test('a port that is taken costs the page, and not the account', async () => {
  const first = await twoAccounts({ enabled: true })
  const leaveFirst = await first.enter('home')
  const { port } = await first.address()
  const second = await twoAccounts({ enabled: true, port: Number(port) })
  const leave = await second.enter('home')
  expect(second.lines.map(({ level, phrase }) => `${level}: ${phrase}`)).toEqual([
    expect.stringContaining('warn: the inspector page cannot be opened'),
  ])
  await leave()
  await leaveFirst()
})

test('after a restart of its only account the page is where it was; turned off and on again, it has another token', async () => {
  const { enter, address, statusOf } = await twoAccounts({ enabled: true })
  const leave = await enter('home')
  const first = await address()
  await leave()
  const leaveAgain = await enter('home')
  expect(await address()).toEqual(first)
  expect(await statusOf(first)).toEqual(['home'])
  await leaveAgain()
  const leaveWithout = await enter('home', { enabled: false })
  await leaveWithout()
  const leaveLast = await enter('home')
  expect((await address()).hash).not.toBe(first.hash)
  await leaveLast()
})

test('a port that is taken meanwhile costs the page its place, and not the page', async () => {
  const { enter, address, statusOf } = await twoAccounts({ enabled: true })
  const leave = await enter('home')
  const first = await address()
  await leave()
  const other = createServer().listen(Number(first.port), '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const leaveAgain = await enter('home')
  const second = await address()
  expect(second.port).not.toBe(first.port)
  expect(await statusOf(second)).toEqual(['home'])
  await leaveAgain()
})

test('another port takes effect with the first account that restarts for it', async () => {
  const { enter, address, statusOf } = await twoAccounts({ enabled: true })
  const [leaveHome, leaveWork] = await Promise.all([enter('home'), enter('work')])
  const first = await address()
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await new Promise(resolve => free.close(resolve))
  await leaveHome()
  const leaveHomeAgain = await enter('home', { enabled: true, port })
  expect((await address()).port).toBe(String(port))
  expect(await statusOf(await address())).toEqual(['home', 'work'])
  await expect(fetch(first.origin)).rejects.toThrow()
  await leaveWork()
  await leaveHomeAgain()
})

test('an address that another load of the plugin has written is left alone', async () => {
  const { folder, enter, address } = await twoAccounts({ enabled: true })
  const leave = await enter('home')
  await writeFile(join(folder, 'inspector-url'), 'http://127.0.0.1:1/#token=another\n')
  await leave()
  expect((await address()).port).toBe('1')
})

test('turned off while it is being opened, it comes back with another token', async () => {
  const { enter, address } = await twoAccounts({ enabled: true })
  const opening = enter('home')
  const [leave] = await Promise.all([opening, enter('work', { enabled: false })])
  const first = await address()
  await leave()
  const leaveAgain = await enter('home')
  expect((await address()).hash).not.toBe(first.hash)
  await leaveAgain()
})
