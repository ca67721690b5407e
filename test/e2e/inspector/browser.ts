/** Debian's Chromium; `.ci/run` installs it where it is missing. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** From here: beside a gateway the name would be the host's own Playwright. */
export type { Browser, Page } from 'playwright-core'

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

/** A page that fails the test by what goes wrong in it: a script error, or a refusal of the content policy. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage(options)
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') faults.push(message.text())
  })
  return { page, faults }
}
