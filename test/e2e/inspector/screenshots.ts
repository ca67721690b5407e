/** `node test/e2e/inspector/screenshots.ts DIR`: every view, wide and narrow, light and dark, as PNG. Needs a built page and Chromium. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openBrowser, openPage } from './browser.ts'
import { fill, openScene } from './scene.ts'

const folder = process.argv[2] ?? 'screenshots'
const VIEWS = [
  ['overview', '#/'],
  ['actors', '#/actors'],
  ['chart', '#/chart/default/chat%3Apeer%3Aalice'],
  ['chat', '#/chat/default/peer%3Aalice'],
  ['requests', '#/requests'],
  ['events', '#/log'],
] as const

await mkdir(folder, { recursive: true })
const scene = await openScene()
const browser = await openBrowser()
await fill(scene)
for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 480]) {
    const { page, faults } = await openPage(browser, { colorScheme, viewport: { width, height: width > 500 ? 800 : 860 } })
    await page.goto(scene.inspector.url)
    await page.getByText('live', { exact: true }).first().waitFor()
    for (const [name, hash] of VIEWS) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
      await page.waitForTimeout(600)
      if (name === 'chart' || name === 'events') await scene.says('alice', `Now in ${colorScheme}, ${width} wide`)
      await page.waitForTimeout(1_300)
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) })
    }
    if (faults.length > 0) console.error(faults.join('\n'))
    await page.context().close()
  }
}
await browser.close()
await scene.close()
