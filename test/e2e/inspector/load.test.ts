import { Subject } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { serveInspector } from '../../../src/inspector/server.ts'
import type { ActorView, Inspection, Step } from '../../../src/runtime/inspection.ts'
import type { AccountHandle, RuntimeEvent } from '../../../src/runtime/runtime.ts'
import { createWorld } from '../../../src/simulator/world.ts'
import { openBrowser, openPage } from './browser.ts'

const ACTORS = 10_000
const STEPS_PER_SECOND = 1_000

/** An account with many actors, one of which makes a step each millisecond. Only the charts are left out. */
async function busyAccount() {
  const world = createWorld()
  await world.start()
  const observers = new Set<(step: Step) => void>()
  const ids = Array.from({ length: ACTORS }, (_, n) => `chat:peer:user-${n}`)
  const view = (actor: string): ActorView => ({
    actor,
    kind: 'chat',
    name: actor.slice('chat:'.length),
    isRunning: true,
    value: { door: 'deciding', turn: 'idle' },
    context: { queue: [] },
  })
  const inspection: Inspection = {
    listen(observer) {
      observers.add(observer)
      return () => void observers.delete(observer)
    },
    actors: () => ids,
    busy: () => [],
    look: actor => (ids.includes(actor) ? view(actor) : null),
    past: chat => world.account.inspection.past(chat),
    watch: (chat, last) => world.account.inspection.watch(chat, last),
  }
  let n = 0
  let steps = 0
  const timer = setInterval(() => {
    for (let at = 0; at < STEPS_PER_SECOND / 100; at++) {
      const actor = ids[n++ % ACTORS] ?? ''
      const taken = () => [
        { source: 'chat.door', index: 0, event: 'message.received', guards: [{ name: 'isAllowed', passed: true }], actions: ['commit'] },
      ]
      for (const observer of observers) observer({ actor, event: 'message.received', value: { door: 'deciding', turn: 'idle' }, taken })
      steps++
    }
  }, 10)
  onTestFinished(async () => {
    clearInterval(timer)
    await world.stop()
  })
  const handle: AccountHandle = { ...world.account, inspection }
  return { runtime: { accounts: () => [handle], events: new Subject<RuntimeEvent>() }, steps: () => steps }
}

test('ten thousand actors at a thousand steps a second, and a hundred clients that do not read: the page answers, in bounded memory', async () => {
  const { runtime, steps } = await busyAccount()
  const inspector = await serveInspector({ runtime, version: '0' })
  onTestFinished(() => inspector.close())
  const slow = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${inspector.port}/stream?token=${inspector.token}`)
      await new Promise(resolve => socket.once('open', resolve))
      socket.send(
        JSON.stringify({
          t: 'want',
          list: { account: 'default', search: '', busyOnly: false, offset: 0, limit: 200 },
          actor: null,
          chat: null,
          log: true,
        }),
      )
      socket.pause()
      return socket
    }),
  )
  onTestFinished(() => {
    for (const socket of slow) socket.terminate()
  })
  const browser = await openBrowser()
  onTestFinished(() => browser.close())
  const { page, faults } = await openPage(browser)
  const frames: number[] = []
  page.on('websocket', socket => socket.on('framereceived', () => frames.push(performance.now())))
  await page.goto(inspector.url)
  await page.getByRole('link', { name: 'Actors' }).click()
  await expect.poll(() => page.locator('.filters output').textContent()).toBe('10,000 actors')
  expect(await page.locator('.row').count()).toBeLessThan(120)
  await page.getByRole('listbox').focus()
  await page.keyboard.press('End')
  await page.getByText('peer:user-9999').waitFor()
  await page.getByRole('searchbox').fill('user-4242')
  await expect.poll(() => page.locator('.filters output').textContent()).toBe('1 actor')

  await page.getByRole('link', { name: 'Events' }).click()
  const fromMs = performance.now()
  const stepsBefore = steps()
  await expect.poll(() => steps() - stepsBefore, { timeout: 60_000 }).toBeGreaterThan(5 * STEPS_PER_SECOND)
  const seconds = (performance.now() - fromMs) / 1_000
  const updates = frames.filter(atMs => atMs >= fromMs).length
  await page.getByRole('button', { name: 'pause' }).click()
  await page.getByRole('button', { name: 'go on' }).waitFor()
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  console.log(`updates a second: ${(updates / seconds).toFixed(1)}; page heap: ${(usedSize / 1e6).toFixed(1)} MB`)
  expect(updates / seconds).toBeLessThanOrEqual(10.5)
  expect(usedSize).toBeLessThan(150e6)
  expect(faults).toEqual([])
})
