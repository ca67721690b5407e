/**
 * `node test/e2e/inspector/screenshots.ts DIR`: every view in every state, wide and narrow, light and dark, as PNG.
 * `node test/e2e/inspector/screenshots.ts --docs`: the picture of the README. Both need a built page and Chromium.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openBrowser, openPage, type Page } from './browser.ts'
import { fill, openScene, type Scene, TEAM } from './scene.ts'

const QUALITY = 80

type Shot = readonly [name: string, hash: string, act?: (page: Page, scene: Scene) => Promise<unknown>]

const chart = (actor: string) => `#/chart/default/${encodeURIComponent(actor)}`
const chat = (name: string) => `#/chat/default/${encodeURIComponent(name)}`
const say = (text: string) => (_: Page, scene: Scene) => scene.says('alice', text)
const press = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click()

const LONG_GROUP = 'a-group-whose-name-is-longer-than-anything-that-fits-into-a-narrow-window-in-one-line'

const BUSY: readonly Shot[] = [
  ['overview', '#/'],
  ['actors', '#/actors', page => page.getByLabel('Account').selectOption('default')],
  ['actors-none', '#/actors', page => page.getByRole('searchbox').fill('nobody like this')],
  ['chart', chart('chat:peer:alice'), say('Is it green now?')],
  ['chart-outbox', chart('outbox:peer:alice'), say('And now?')],
  ['chart-account', chart('account:default')],
  ['chart-pairing', chart('pairing:mallory')],
  [
    'chart-past',
    chart('chat:peer:mallory'),
    async page => {
      await page.getByRole('button', { name: 'go back in time' }).click()
      await page.getByRole('slider').focus()
      await page.keyboard.press('Home')
      await page.keyboard.press('ArrowRight')
    },
  ],
  ['chart-gone', chart('chat:peer:nobody')],
  ['chat', chat('peer:alice')],
  ['chat-why', chat('peer:alice'), page => page.getByText('why, and every step').last().click()],
  ['chat-group', chat(TEAM)],
  ['chat-long-name', chat(`group:dave/${LONG_GROUP}`)],
  ['chart-long-name', chart(`chat:group:dave/${LONG_GROUP}`)],
  ['chat-texts', chat('peer:erin').replace('default', 'helpdesk')],
  ['chat-stranger', chat('peer:mallory')],
  ['chat-dead', chat('peer:carol'), page => page.getByText('why, and every step').last().click()],
  ['chat-unknown', chat('peer:nobody')],
  ['requests', '#/requests'],
  ['requests-asked', '#/requests', press(/drop/)],
  ['events', '#/log', say('Thank you!')],
  ['events-none', '#/log', page => page.getByRole('searchbox').fill('nothing like this')],
]
const EMPTY: readonly Shot[] = [
  ['empty-overview', '#/'],
  ['empty-actors', '#/actors'],
  ['empty-requests', '#/requests'],
  ['empty-events', '#/log'],
]

/** A busy day: several accounts, groups, strangers, what was given up, and an account in trouble. */
async function openBusy(): Promise<Scene> {
  const scene = await openScene({ hasMore: true })
  await fill(scene)
  const { mesh, says } = scene
  await mesh.user('dave').creates('ops-night-shift', { name: 'Ops, night shift', members: ['dave', 'alice', 'bot'] })
  await says('dave', '@bot is the second machine up again?', 'group:dave/ops-night-shift')
  await says('مريم-with-a-very-long-name-on-the-mesh', 'Hello, Bob told me that you know about the build. May I ask you something?')
  await says('carol', 'fail once more, with a message that is somewhat longer than what fits into one line of a narrow window')
  await mesh.user('erin').says('my printer does not print', 'peer:helpdesk')
  await mesh.user('erin').says(`It says:\n- paper ❤️ 👩‍💻\n- tray ${'0123456789abcdef'.repeat(12)}`, 'peer:helpdesk')
  await mesh.user('erin').says('متى يكون البناء أخضر؟ build 7 من 12\nand in English', 'peer:helpdesk')
  await says('mal\u202eyrol', 'who am I?')
  await mesh.user('dave').creates(LONG_GROUP, { name: 'Ops', members: ['dave', 'alice', 'bot'] })
  await says('dave', '@bot and here?', `group:dave/${LONG_GROUP}`)
  return scene
}

async function show(page: Page, scene: Scene, [, hash, act]: Shot): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  // As if it had been opened here: with no focus handed on, and nothing searched.
  await page.reload()
  await page.getByText('connected', { exact: true }).waitFor()
  await page.waitForTimeout(500)
  await act?.(page, scene)
  await page.waitForTimeout(700)
}

async function shootAll(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const [busy, empty, leaving] = [await openBusy(), await openScene({ mayAct: false }), await openScene()]
  const browser = await openBrowser()
  const looks = (['light', 'dark'] as const).flatMap(colorScheme => [1280, 480].map(width => ({ colorScheme, width })))
  const open = async ({ colorScheme, width }: (typeof looks)[number]) =>
    (await openPage(browser, { colorScheme, viewport: { width, height: width > 500 ? 800 : 860 } })).page
  for (const look of looks) {
    const suffix = `${look.width}-${look.colorScheme}`
    for (const [scene, shots] of [
      [busy, BUSY],
      [empty, EMPTY],
    ] as const) {
      const page = await open(look)
      await page.goto(scene.inspector.url)
      await page.getByText('connected', { exact: true }).waitFor()
      await page.waitForTimeout(1_000)
      for (const shot of shots) {
        await show(page, scene, shot)
        await page.screenshot({ path: join(folder, `${shot[0]}-${suffix}.png`) })
      }
      await page.context().close()
    }
    const refused = await open(look)
    await refused.goto(`http://127.0.0.1:${busy.inspector.port}/`)
    await refused.waitForTimeout(300)
    await refused.screenshot({ path: join(folder, `refused-${suffix}.png`) })
    const loading = await open(look)
    await loading.routeWebSocket(/stream/, () => {})
    await loading.goto(busy.inspector.url)
    await loading.waitForTimeout(300)
    await loading.screenshot({ path: join(folder, `loading-${suffix}.png`) })
    await loading.context().close()
  }
  const watching = await Promise.all(looks.map(async look => ({ look, page: await open(look) })))
  for (const { page } of watching) {
    await page.goto(leaving.inspector.url)
    await page.getByRole('region').first().waitFor()
  }
  await leaving.close()
  for (const { look, page } of watching) {
    await page.getByText('connection lost').first().waitFor()
    await page.screenshot({ path: join(folder, `lost-${look.width}-${look.colorScheme}.png`) })
  }
  await browser.close()
  await busy.close()
  await empty.close()
}

/** The README's: a chat's chart, a moment after a message. */
async function shootDocs(): Promise<void> {
  const scene = await openScene()
  await fill(scene)
  const browser = await openBrowser()
  const { page } = await openPage(browser, { colorScheme: 'light', viewport: { width: 1280, height: 800 } })
  await page.goto(scene.inspector.url)
  await show(page, scene, ['chart', chart('chat:peer:alice'), say('Is it green now?')])
  const { data } = await (await page.context().newCDPSession(page)).send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
  await writeFile(join(import.meta.dirname, '../../../docs/inspector-chart.webp'), Buffer.from(data, 'base64'))
  await browser.close()
  await scene.close()
}

const [where = 'screenshots'] = process.argv.slice(2)
await (where === '--docs' ? shootDocs() : shootAll(where))
