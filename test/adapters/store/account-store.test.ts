import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { accountFolder, openAccountStore } from '../../../src/adapters/store/account-store.ts'
import { record, records, restored, temporaryFolder } from './world.ts'

test('an account has its own folder, its own lock and its own memory', async () => {
  const root = join(temporaryFolder(), 'state')
  const home = await openAccountStore({ root, account: 'home' })
  const work = await openAccountStore({ root, account: 'work' })
  await home.load()
  await work.load()
  await home.append(records(1, 3))
  await work.append([record(1)])

  await expect(openAccountStore({ root, account: 'home' })).rejects.toThrow(
    `The state directory ${join(root, 'accounts/home')} is in use by process ${process.pid} (since `,
  )
  await home.close()
  await work.close()

  const again = await openAccountStore({ root, account: 'home' })
  expect((await again.load()).tail).toEqual(records(1, 3))
  await again.close()
  expect(readdirSync(join(root, 'accounts'))).toEqual(['home', 'work'])
})

test('a folded account is found again', async () => {
  const root = temporaryFolder()
  const store = await openAccountStore({ root, account: 'home', shards: 4 })
  const live = restored(await store.load())
  live.apply(records(1, 20))
  await store.append(records(1, 20))
  await store.compact(live)
  await store.close()

  const again = await openAccountStore({ root, account: 'home' })
  expect(restored(await again.load()).values()).toEqual(live.values())
  await again.close()
})

test('state is for its owner alone', async () => {
  const root = join(temporaryFolder(), 'state')
  const store = await openAccountStore({ root, account: 'home' })
  await store.load()
  await store.append([record(1)])
  await store.close()

  const modes = readdirSync(root, { recursive: true, withFileTypes: true }).map(entry => [
    entry.isDirectory(),
    statSync(join(entry.parentPath, entry.name)).mode & 0o777,
  ])
  expect(modes.filter(([isFolder, mode]) => mode !== (isFolder ? 0o700 : 0o600))).toEqual([])
  expect(statSync(root).mode & 0o777).toBe(0o700)
})

test.each([
  ['default', 'default'],
  ['my_bot-2', 'my_bot-2'],
  ['Home', '%48ome'],
  ['..', '%2e%2e'],
  ['a/b\\c', 'a%2fb%5cc'],
  ['100%', '100%25'],
  ['ünï', '%c3%bcn%c3%af'],
  ['a b.c', 'a%20b%2ec'],
  ['con', '%63on'],
  ['', '%'],
])('the account %j is kept in %j', (account, folder) => {
  expect(accountFolder(account)).toBe(folder)
})

test('two accounts never share a folder, also where file names have no case or are cut', () => {
  const long = 'x'.repeat(300)
  const accounts = ['home', 'Home', 'HOME', 'h%6fme', 'con', '%63on', '', '%', long, `${long}y`, long.toUpperCase()]

  const folders = accounts.map(account => accountFolder(account).toLowerCase())

  expect(new Set(folders).size).toBe(accounts.length)
  expect(folders.filter(folder => folder.length > 200)).toEqual([])
})
