/** The inspector inside a running gateway: turned on and off by its option, and found where an operator is told to look. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type Browser, openBrowser, openPage, type Page } from '../inspector/browser.ts'
import { freePort } from './gateway.ts'
import { until } from './until.ts'
import { ANSWER_MS_MAX, sharedWorld, type World } from './world.ts'

const ACCOUNTS = ['grouped', 'listed', 'off', 'open', 'paired', 'starred', 'tooled']
const told = z.object({ accounts: z.array(z.object({ status: z.object({ account: z.string(), state: z.string() }) })) })
const OPTION = 'channels.ztm-chat.inspector'

let world: World
let browser: Browser
let url: URL

/** What the log says each time the page is opened. */
const openings = async () =>
  [...(await world.gateway.log()).matchAll(/the inspector page is open; [^\n]*?file=\\?"([^"\\]+)\\?" port=(\d+)/g)].map(
    ([, file = '', port]) => ({
      file,
      port: Number(port),
    }),
  )

/** As the README says; resolves with the address, which is in the file that the log names. */
async function turnOn(option: { readonly enabled: true; readonly port?: number }): Promise<URL> {
  const before = (await openings()).length
  await world.gateway.must('config', 'set', OPTION, JSON.stringify(option))
  const { file } = await until(
    'the log says where the address of the page is',
    async () => (await openings()).slice(before).find(({ port }) => port === (option.port ?? port)) ?? false,
    ANSWER_MS_MAX,
    world.tail,
  )
  expect(file).toBe(join(world.gateway.stateDir, 'ztm-chat', 'inspector-url'))
  return new URL((await readFile(file, 'utf8')).trim())
}

const token = () => url.hash.replace('#token=', '')
const ask = (path: string, bearer = '', headers: Readonly<Record<string, string>> = {}) =>
  fetch(new URL(path, url), { headers: { ...headers, ...(bearer && { Authorization: `Bearer ${bearer}` }) } })
const isClosed = (address: URL) =>
  fetch(address).then(
    () => false,
    () => true,
  )

beforeAll(async () => {
  world = await sharedWorld()
  browser = await openBrowser()
  const hedy = world.chat('hedy', 'open')
  await hedy.says('before anybody looks')
  await hedy.hears('model says: before anybody looks')
  url = await turnOn({ enabled: true })
})
afterAll(() => browser?.close())

/** Nothing but the loss of its connection may go wrong in it. */
async function opened(): Promise<Page> {
  const { page, faults } = await openPage(browser)
  onTestFinished(async () => {
    await page.context().close()
    expect(faults.filter(fault => !fault.includes('ERR_CONNECTION_REFUSED'))).toEqual([])
  })
  await page.goto(url.href)
  return page
}

const allLive = async (page: Page) => {
  await page.getByRole('link', { name: 'Overview' }).click()
  await until(
    'the page shows every account live',
    async () => {
      if ((await page.locator('.connection').textContent()) !== 'connected') return false
      const badges = await page.getByRole('region').locator('header .badge').allTextContents()
      return badges.length === ACCOUNTS.length && badges.every(state => state === 'live')
    },
    ANSWER_MS_MAX,
    world.tail,
  )
}

test('the page shows every account of the gateway, live', async () => {
  const page = await opened()
  await allLive(page)
  expect((await page.getByRole('region').locator('h2').allTextContents()).toSorted()).toEqual(ACCOUNTS)
})

test('a conversation is found by its name: what was asked before anybody looked, and what is asked now, with the decision, its reason and the reply', async () => {
  const page = await opened()
  await page.getByRole('link', { name: 'Actors' }).click()
  await page.getByRole('combobox', { name: 'Account' }).selectOption('open')
  await page.getByRole('searchbox').fill('chat:peer:hedy')
  await page.getByRole('option', { name: /hedy/ }).click()
  await page.getByRole('link', { name: 'messages' }).click()
  await page.getByText('model says: before anybody looks').waitFor()
  await world.chat('hedy', 'open').says('and now?')
  const message = page.locator('.life').filter({ has: page.getByText('and now?', { exact: true }) })
  await message.getByText('model says: and now?').waitFor({ timeout: ANSWER_MS_MAX })
  await until('the reply is confirmed', async () => (await message.locator('.stages .done').count()) === 4, ANSWER_MS_MAX)

  expect(await message.locator('.badge').textContent()).toBe('process · allowed')
  expect(await message.locator('.why').textContent()).toBe(
    'It was passed on to the assistant, because everybody may write to this bot directly.',
  )
})

test('a message that nobody answers is there with its reason', async () => {
  const page = await opened()
  await world.chat('hugo', 'off').says('anybody?')
  await world.decision('off', 'peer:hugo')
  await page.evaluate('location.hash = "#/chat/off/peer%3Ahugo"')
  await page.getByText('ignore · disabled').waitFor()

  expect(await page.locator('.life .why').textContent()).toBe(
    'It was not answered, because direct messages to this bot are switched off for everybody.',
  )
})

test('a stranger who waits is there with the command that lets them in, and is gone when it was run', async () => {
  const page = await opened()
  const hilda = world.chat('hilda', 'paired')
  await hilda.says('may I come in?')
  await hilda.hears(/Pairing code: /)
  await page.getByRole('link', { name: /^Requests/ }).click()
  const request = page.getByRole('listitem').filter({ hasText: 'hilda asks to be let in' })
  const command = await request.getByText(/^openclaw pairing approve/).textContent()
  expect(await request.getByRole('button').count()).toBe(0)
  const approve = () => world.gateway.must(...(command ?? '').split(' ').slice(1))
  // The first approval makes the owner known in the config, for which OpenClaw restarts all channels.
  const config = await readFile(join(world.gateway.stateDir, '..', 'openclaw.json'), 'utf8')
  await (config.includes('ownerAllowFrom') ? approve() : world.comesAgain('paired', approve))
  await request.waitFor({ state: 'detached', timeout: ANSWER_MS_MAX })
  await hilda.hears('model says: may I come in?')
  await allLive(page)
})

test('metrics and status are for whoever has the token, and for no page from elsewhere', async () => {
  for (const path of ['/metrics', '/status']) {
    expect((await ask(path)).status, path).toBe(401)
    expect((await ask(path, 'guessed')).status, path).toBe(401)
    expect((await ask(path, token(), { Origin: 'http://evil.example' })).status, path).toBe(403)
  }
  const hedy = world.chat('hedy', 'open')
  await hedy.says('one to be counted')
  await hedy.hears('model says: one to be counted')
  const metrics = await until(
    'the reply is counted',
    async () => {
      const text = await (await ask('/metrics', token())).text()
      return /ztm_chat_replies_confirmed_total\{account="open"\} [1-9]/.test(text) && text
    },
    ANSWER_MS_MAX,
  )
  for (const account of ACCOUNTS) expect(metrics).toContain(`ztm_chat_up{account="${account}"} 1\n`)
  const { accounts } = told.parse(await (await ask('/status', token())).json())
  expect(accounts.map(({ status }) => status.account).toSorted()).toEqual(ACCOUNTS)
  expect(accounts.map(({ status }) => status.state)).toEqual(ACCOUNTS.map(() => 'live'))
})

test('the address is in no log', async () => {
  expect(await world.gateway.log()).not.toContain(token())
})

test('an account that restarts, and then all of them, come back in the page that is open', async () => {
  const page = await opened()
  await allLive(page)
  const option = 'channels.ztm-chat.accounts.off.apiTimeout'
  await world.comesAgain('off', () => world.gateway.must('config', 'set', option, '31000'))
  await allLive(page)
  await world.comesAgain('off', () => world.gateway.must('config', 'unset', option))
  await world.comesAgain('open', () => world.gateway.must('config', 'set', 'channels.ztm-chat.apiTimeout', '31000'))
  await allLive(page)
  await world.comesAgain('open', () => world.gateway.must('config', 'unset', 'channels.ztm-chat.apiTimeout'))
  await allLive(page)
  expect((await ask('/status', token())).status).toBe(200)
})

test('another port: the page moves there, and the one before is closed', async () => {
  const former = url
  const port = await freePort()
  url = await turnOn({ enabled: true, port })

  expect(url.port).toBe(String(port))
  await until('the port before is closed', () => isClosed(former), ANSWER_MS_MAX)
  await allLive(await opened())
})

test('turned off, the page says that it is gone, its port is closed, and its address is nowhere', async () => {
  const page = await opened()
  await allLive(page)
  await world.comesAgain('open', () => world.gateway.must('config', 'unset', OPTION))
  await page.getByText('connection lost, trying again').waitFor({ timeout: ANSWER_MS_MAX })
  await until('the port is closed', () => isClosed(url), ANSWER_MS_MAX, world.tail)

  await expect(readFile(join(world.gateway.stateDir, 'ztm-chat', 'inspector-url'))).rejects.toThrow('ENOENT')
})
