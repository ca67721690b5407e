import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readFormerState } from '../../src/plugin/former-state.ts'

let stateDir: string
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'ztm-chat-former-'))
})
afterEach(() => rm(stateDir, { recursive: true, force: true }))

const write = async (name: string, state: unknown) => {
  await mkdir(join(stateDir, 'ztm'), { recursive: true })
  await writeFile(join(stateDir, 'ztm', name), typeof state === 'string' ? state : JSON.stringify(state))
}
const read = (account: string, environment = {}) => readFormerState({ stateDir, environment }, account)

test('the older plugin’s place in each chat is found by the account, whatever its capitals', async () => {
  await write('state-My-Bot.json', {
    accounts: { 'My-Bot': { alice: 5, 'peer:bob': 6, 'group:alice/team': 7, 'group:broken': 8, 'a/b': 9 } },
    fileMetadata: {},
  })
  await write('state-other.json', { accounts: { other: { alice: 1 } } })

  expect([...(await read('my-bot'))]).toEqual([
    ['peer:alice', 5],
    ['peer:bob', 6],
    ['group:alice/team', 7],
  ])
})

test('it may lie where ZTM_STATE_PATH says, as a file or as a folder', async () => {
  await write('state-bot.json', { accounts: { bot: { alice: 5 } } })

  const folder = join(stateDir, 'ztm')
  expect(await read('bot', { ZTM_STATE_PATH: folder })).toEqual(new Map([['peer:alice', 5]]))
  expect(await read('bot', { ZTM_STATE_PATH: join(folder, 'state.json') })).toEqual(new Map([['peer:alice', 5]]))
})

test('without such a file there is nothing to take over', async () => {
  expect(await read('bot')).toEqual(new Map())
})

test('a file that cannot be read is a fault that somebody hears of', async () => {
  await write('state-bot.json', 'not JSON')

  await expect(read('bot')).rejects.toThrow()
})
