/** A bot that knows 100,000 conversations, as the page shows it: the real runtime on state that an earlier life has left. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { CDPSession, Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { openAccountStore } from '../../../src/adapters/store/account-store.ts'
import { userName, writeJournal } from '../../bench/kit/records.ts'
import { openBrowser, openPage } from './browser.ts'
import { openScene } from './scene.ts'

const CHATS = 100_000
/** Alice is answered and mallory waits to be let in; all others had been met before. */
const MET_BEFORE = CHATS - 2
const ROWS_MAX = 120
const MEGABYTE = 1e6

async function remember(root: string): Promise<void> {
  const store = await openAccountStore({ root, account: 'default' })
  // Three records of the account, and one of each chat.
  await writeJournal(store, MET_BEFORE, MET_BEFORE + 3)
}

/** What came over the stream, in bytes. */
function count(page: Page) {
  const frames: number[] = []
  page.on('websocket', socket => socket.on('framereceived', ({ payload }) => frames.push(Buffer.byteLength(payload))))
  return {
    frames: () => frames.length,
    bytes: () => frames.reduce((sum, bytes) => sum + bytes, 0),
    largest: () => Math.max(0, ...frames),
  }
}

async function heapBytes(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0
}

test('a hundred thousand conversations: the page opens at once, scrolls to the end, finds one, and holds no more than it shows', async () => {
  const scene = await openScene({ remember })
  onTestFinished(() => scene.close())
  await scene.says('alice', 'is anybody there?')
  await scene.says('mallory', 'let me in, please')
  await expect.poll(() => scene.runner.runtime.accounts()[0]?.status().chats, { timeout: 60_000 }).toBe(CHATS)
  const browser = await openBrowser()
  onTestFinished(() => browser.close())
  const { page, faults } = await openPage(browser)
  const received = count(page)
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const delays = monitorEventLoopDelay({ resolution: 5 })
  delays.enable()

  const openedAtMs = performance.now()
  await page.goto(`${scene.inspector.url}`)
  await page.getByRole('link', { name: 'Actors' }).click()
  const box = page.getByRole('listbox', { name: 'Actors' })
  const rows = box.getByRole('option')
  await rows
    .filter({ hasText: userName(0) })
    .first()
    .waitFor()
  const firstRowsMs = performance.now() - openedAtMs
  const found = page.locator('.filters output')
  await expect.poll(() => found.textContent()).toMatch(/^100,0\d\d actors$/)

  // It stands still while it is looked at: the account's own two, then the chats in the order in which they were met.
  const inView = () => rows.locator('.name').allTextContents()
  const before = await inView()
  const frames = received.frames()
  await expect.poll(received.frames, { timeout: 30_000 }).toBeGreaterThan(frames + 3)
  expect(await inView()).toEqual(before)

  await box.focus()
  await page.keyboard.press('End')
  await rows.filter({ hasText: 'peer:mallory' }).last().waitFor()
  expect(await rows.count()).toBeLessThan(ROWS_MAX)
  for (let step = 1; step < 20; step++) await box.evaluate((element, share) => element.scrollTo(0, element.scrollHeight * share), step / 20)
  await rows
    .filter({ hasText: /^chatpeer:user-9[45]\d{3}/ })
    .first()
    .waitFor()
  await expect.poll(() => rows.filter({ hasText: /^…$/ }).count()).toBe(0)
  expect(await rows.count()).toBeLessThan(ROWS_MAX)

  const search = page.getByRole('searchbox')
  const searchedAtMs = performance.now()
  await search.fill('USER-77777')
  await expect.poll(() => found.textContent()).toBe('1 actor')
  const foundMs = performance.now() - searchedAtMs
  await rows.getByText('peer:user-77777').click()
  await page.getByText('at rest, from its record').waitFor()
  await page.goBack()
  await search.fill('chat:peer:alice')
  await rows.getByText('peer:alice').click()
  const askedAtMs = performance.now()
  await page.getByRole('link', { name: 'messages' }).click()
  await page.getByText('echo: is anybody there?').waitFor()
  const messagesMs = performance.now() - askedAtMs
  await page.goBack()
  await page.goBack()
  await search.fill('')
  await page.getByLabel('only with something to do').check()
  await expect.poll(() => found.textContent()).toBe('2 actors')
  expect(await rows.allTextContents()).toEqual([expect.stringContaining('mallory'), expect.stringContaining('mallory')])
  await page.getByLabel('only with something to do').uncheck()
  await expect.poll(() => found.textContent()).toMatch(/^100,0\d\d actors$/)

  delays.disable()
  const heap = await heapBytes(session)
  console.log(
    [
      `first rows ${firstRowsMs.toFixed(0)} ms after the address was entered`,
      `one found after ${foundMs.toFixed(0)} ms`,
      `the messages of one after ${messagesMs.toFixed(0)} ms`,
      `page heap ${(heap / MEGABYTE).toFixed(1)} MB`,
      `received ${(received.bytes() / MEGABYTE).toFixed(2)} MB in ${received.frames()} frames, largest ${received.largest()} bytes`,
      `longest wait of the bot ${(delays.max / 1e6).toFixed(0)} ms`,
    ].join('; '),
  )
  expect(heap).toBeLessThan(30 * MEGABYTE)
  expect(received.largest()).toBeLessThan(64 * 1_024)
  expect(received.bytes()).toBeLessThan(2 * MEGABYTE)
  expect(faults).toEqual([])
})
