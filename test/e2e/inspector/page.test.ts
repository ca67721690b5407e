import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openBrowser, openPage } from './browser.ts'
import { fill, openScene, type Scene, TEAM } from './scene.ts'

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
})

/** A page that is shown something, and in which nothing went wrong by the end. */
async function opened(url: string, options: Parameters<typeof openPage>[1] = {}): Promise<Page> {
  const { page, faults } = await openPage(browser, options)
  onTestFinished(async () => {
    await page.context().close()
    expect(faults).toEqual([])
  })
  await page.goto(url)
  return page
}
const goTo = (page: Page, hash: string) => page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
const badge = (page: Page) => page.locator('.connection').textContent()

describe('the page of a running bot', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene()
    await fill(scene)
    await vi.waitUntil(() => scene.events.filter(({ event }) => event === 'sent').length >= 4, { timeout: 20_000 })
  })
  afterAll(() => scene.close())
  let page: Page
  beforeEach(async () => {
    page = await opened(scene.inspector.url)
    await expect.poll(() => badge(page)).toBe('connected')
  })

  test('keeps the token out of the address, and in this tab', async () => {
    expect(page.url()).not.toContain(scene.inspector.token)
    await page.reload()
    await expect.poll(() => badge(page)).toBe('connected')
  })

  test('overview: health, figures, latencies and what was not answered', async () => {
    const card = page.getByRole('region', { name: 'Account default' })
    await card.getByText('mention_required').waitFor()
    expect(await card.locator('.badge').first().textContent()).toBe('live')
    await card.getByRole('row', { name: /reply seen on the mesh \d/ }).waitFor()
    await card.getByText(/Feed: push/).waitFor()
    await page.getByRole('link', { name: 'Requests 2' }).waitFor()
  })

  test('actors: found by a name, chosen and opened by keyboard alone', async () => {
    await page.getByRole('link', { name: 'Actors' }).click()
    await page.getByRole('searchbox').fill('PEER:CAR')
    await expect.poll(() => page.locator('.filters output').textContent()).toMatch(/^(1 actor|2 actors)$/)
    await page.getByRole('listbox').focus()
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /peer:carol/ }).waitFor()
  })

  test('chart: the states that are active, and the transition that was just taken, live', async () => {
    await goTo(page, '#/chart/default/chat%3Apeer%3Aalice')
    await expect.poll(() => page.locator('[data-state="chat.door.deciding"].active').count()).toBe(1)
    expect(await page.locator('[data-state="chat.turn.answering"].active').count()).toBe(0)
    await scene.says('alice', 'watch this')
    await expect.poll(() => page.locator('.label.taken').textContent()).toContain('turn.answered')
    await page.getByText('✓ isAllowed').first().waitFor()
    await goTo(page, '#/chart/default/chat%3Apeer%3Anobody')
    await page.getByText('not there any more').waitFor()
  })

  test('chart: the slider shows the states of any moment of the chat, and leads back to now', async () => {
    await goTo(page, '#/chart/default/chat%3Apeer%3Amallory')
    await expect.poll(() => page.locator('[data-state="chat.door.awaiting pairing"].active').count()).toBe(1)
    await page.getByRole('button', { name: 'go back in time' }).click()
    await page.getByRole('slider').focus()
    await page.keyboard.press('Home')
    await page.getByText(/chat.opened \(1 of \d+\)/).waitFor()
    await expect.poll(() => page.locator('[data-state="chat.door.deciding"].active').count()).toBe(1)
    await page.getByRole('button', { name: 'back to now' }).click()
    await expect.poll(() => page.locator('[data-state="chat.door.awaiting pairing"].active').count()).toBe(1)
  })

  test('chart: as a whole it is small, and what is active in it can be read all the same', async () => {
    await page.setViewportSize({ width: 1_280, height: 800 })
    await goTo(page, '#/chart/default/chat%3Apeer%3Aalice')
    const heightOf = async (place: string) => (await page.locator(place).boundingBox())?.height ?? 0
    await expect.poll(() => heightOf('[data-state="chat.door.deciding"].active > .title')).toBeGreaterThan(11)
    expect(await heightOf('[data-state="chat.turn.reclaiming"] > .title')).toBeLessThan(8)
  })

  test('chart: in a narrow window it is large enough to be read, with an active state in view', async () => {
    await page.setViewportSize({ width: 480, height: 800 })
    await goTo(page, '#/chart/default/chat%3Apeer%3Aalice')
    const state = page.locator('[data-state="chat.door.deciding"].active rect')
    const boxOf = async (place: typeof state) => (await place.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
    await expect.poll(async () => (await boxOf(state)).height).toBeGreaterThan(30)
    const frame = await boxOf(page.locator('.paper'))
    await expect.poll(async () => (await boxOf(state)).y).toBeGreaterThan(frame.y)
    const { x, y, width, height } = await boxOf(state)
    expect([x >= frame.x, x + width <= frame.x + frame.width, y + height <= frame.y + frame.height]).toEqual([true, true, true])
    await page.getByRole('button', { name: 'whole chart' }).click()
    await expect.poll(async () => (await boxOf(state)).height).toBeLessThan(15)
  })

  test('conversation: what was written, why it was answered, how long it took, and the reply; as it happens', async () => {
    await goTo(page, '#/chat/default/peer%3Aalice')
    await page.getByText('Hello! Does the build pass?', { exact: true }).waitFor()
    await scene.says('alice', 'a new one')
    await page.getByText('echo: a new one').waitFor()
    const message = page.locator('.life').last()
    await message.getByText('is on the list of people who may always write').waitFor()
    await expect.poll(() => message.locator('.stages .done').count()).toBe(4)
    await message.getByText('why, and every step').click()
    await message.getByText('It would not be answered if').waitFor()
  })

  test('conversation: a text of several lines has them here, too', async () => {
    await goTo(page, '#/chat/default/peer%3Aalice')
    await scene.says('alice', 'first line\nsecond line')
    const reply = page.locator('.reply', { hasText: 'second line' })
    await reply.waitFor()
    expect(await reply.textContent()).toBe('echo: first line\nsecond line')
  })

  test('conversation: the newest message is in view, and stays there as others come, until somebody looks further up', async () => {
    await page.setViewportSize({ width: 1_280, height: 400 })
    await goTo(page, '#/chat/default/peer%3Aalice')
    const newest = page.locator('.life').last()
    await newest.waitFor()
    const isInView = () => newest.evaluate(element => element.getBoundingClientRect().bottom <= 400)
    await expect.poll(isInView).toBe(true)
    await scene.says('alice', 'and one more')
    await page.getByText('echo: and one more').waitFor()
    await expect.poll(isInView).toBe(true)
    await page.mouse.wheel(0, -10_000)
    await expect.poll(() => page.evaluate('scrollY')).toBe(0)
    await scene.says('alice', 'and another')
    await page.getByText('echo: and another').waitFor()
    expect(await page.evaluate('scrollY')).toBe(0)
  })

  test('a person writes from the page, and sees the message go through', async () => {
    await page.getByLabel('Where').selectOption({ label: 'in the group bob/team' })
    await page.getByRole('textbox', { name: 'Message' }).fill('@bot from the page')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'watch it' }).click()
    await page.getByText('echo: from the page').waitFor()
    expect(
      scene.mesh
        .user('alice')
        .inbox(TEAM)
        .map(({ message }) => JSON.stringify(message))
        .join(),
    ).toContain('@bot from the page')
  })

  test('requests: a stranger is let in, and a dead letter is dropped', async () => {
    await page.getByRole('link', { name: /Requests/ }).click()
    await page.getByRole('link', { name: '1 message kept' }).click()
    await page.getByText('let me in, please', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Let them in, or not' }).click()
    await page.getByRole('button', { name: 'approve' }).click()
    await page.getByText('mallory is approved; what they wrote is answered now.').waitFor()
    await page.getByText('Nobody waits to be let in').waitFor()
    await expect
      .poll(() =>
        scene.mesh
          .user('mallory')
          .inbox('peer:bot')
          .map(({ message }) => JSON.stringify(message))
          .join(),
      )
      .toContain('echo: let me in, please')
    await page.getByRole('button', { name: 'drop' }).click()
    await page.getByText('Drop this message for good?').waitFor()
    await page.getByRole('button', { name: 'drop', exact: true }).click()
    await page.getByText('Nothing was given up').waitFor()
  })

  test('events: they come, they are filtered, and they stand still when they are told to', async () => {
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByRole('searchbox').fill('reply.sent')
    await scene.says('alice', 'one')
    await page.locator('.lines li').first().waitFor()
    for (const event of await page.locator('.lines b').allTextContents()) expect(event).toBe('reply.sent')
    await page.getByRole('button', { name: 'pause' }).click()
    const before = await page.locator('.lines li').count()
    const sent = scene.events.filter(({ event }) => event === 'sent').length
    await scene.says('alice', 'two')
    await expect.poll(() => scene.events.filter(({ event }) => event === 'sent').length).toBe(sent + 1)
    expect(await page.locator('.lines li').count()).toBe(before)
  })

  test('names and texts from the mesh are words on the page, never markup', async () => {
    const evil = '<script>document.title = "owned"</script>'
    await scene.mesh.user('bob').creates('<img src=x onerror=alert(1)>', { name: evil, members: ['bob', 'alice', 'bot'] })
    await scene.says('bob', `@bot <img src=x onerror="document.title = 'owned'">`, 'group:bob/<img src=x onerror=alert(1)>')
    await scene.says('alice', `${evil} \u202e<b id="bold">`)
    await expect.poll(() => scene.runner.runtime.accounts()[0]?.inspection.actors().join('\n')).toContain('<img src=x')
    await page.getByRole('link', { name: 'Actors' }).click()
    await page.getByText('group:bob/<img src=x onerror=alert(1)>').first().waitFor()
    await goTo(page, '#/chat/default/peer%3Aalice')
    await page.getByText('echo: <script>document.title').waitFor()
    await goTo(page, `#/chart/default/${encodeURIComponent('chat:group:bob/<img src=x onerror=alert(1)>')}`)
    await page.getByRole('heading', { name: /<img src=x/ }).waitFor()
    expect(await page.title()).toBe('ztm-chat inspector')
    expect(await page.locator('#bold, main img, main script').count()).toBe(0)
  })

  test('nothing is wider than a narrow window, in any view', async () => {
    const long = 'anamewithoutablank'.repeat(6)
    await scene.mesh.user('bob').creates(long, { name: long, members: ['bob', 'alice', 'bot'] })
    await scene.says('bob', `@bot ${long}`, `group:bob/${long}`)
    await scene.says(`stranger-${long}`, long)
    await page.setViewportSize({ width: 360, height: 740 })
    await page.getByText('pairing requests').waitFor()
    for (const [hash, shown] of [
      ['#/', '.figures'],
      ['#/actors', '.row .name'],
      ['#/requests', '.item'],
      ['#/log', '.filters'],
      ['#/chat/default/peer%3Aalice', '.life'],
      [`#/chat/default/${encodeURIComponent(`group:bob/${long}`)}`, '.reply'],
      ['#/chart/default/outbox%3Apeer%3Aalice', '.state.active'],
      [`#/chart/default/${encodeURIComponent(`chat:group:bob/${long}`)}`, '.state.active'],
    ] as const) {
      await goTo(page, hash)
      await page.locator(shown).first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth'), hash).toBeLessThanOrEqual(360)
    }
  })
})

/** Texts whose colour is too near to what they stand on: below 4.5 to 1, as WCAG AA has it. */
const TOO_PALE = `(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const linear = part => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const groundOf = element => {
    const { backgroundColor } = getComputedStyle(element)
    const [r, g, b, alpha = 1] = numbers(backgroundColor)
    return alpha === 0 && element.parentElement ? groundOf(element.parentElement) : [r, g, b]
  }
  const isOn = element => element.checkVisibility() && !element.closest('svg, option')
  const all = [...document.querySelectorAll('body *')].filter(isOn)
  const texts = all.filter(element => [...element.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== ''))
  return texts.flatMap(element => {
    const [one, other] = [light(numbers(getComputedStyle(element).color)), light(groundOf(element))].sort((a, b) => b - a)
    const ratio = (one + 0.05) / (other + 0.05)
    return ratio < 4.5 ? [element.textContent.trim() + ': ' + ratio.toFixed(2)] : []
  })
})()`

/** What has the focus, in words; null for the page itself. */
const FOCUSED = `(() => {
  const it = document.activeElement
  if (it === null || it === document.body) return null
  const { outlineStyle, boxShadow } = getComputedStyle(it)
  const { left, top, width, height } = it.getBoundingClientRect()
  const [x, y] = [Math.min(left + width / 2, innerWidth - 1), Math.min(top + Math.min(height / 2, 20), innerHeight - 1)]
  return {
    name: [it.tagName.toLowerCase(), it.getAttribute('aria-label') ?? it.textContent.trim() ?? ''].join(' ').trim(),
    isMarked: outlineStyle !== 'none' || boxShadow !== 'none',
    isSeen: it.contains(document.elementFromPoint(x, y)),
  }
})()`
const focused = (page: Page) => page.evaluate<{ name: string; isMarked: boolean; isSeen: boolean } | null>(FOCUSED)
const focusedName = async (page: Page) => (await focused(page))?.name

/** How much takes the keyboard. */
const TAKES_KEYS = `[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].length`

const VIEWS = [
  '#/',
  '#/actors',
  '#/requests',
  '#/log',
  '#/chat/default/peer%3Aalice',
  '#/chat/default/peer%3Acarol',
  '#/chart/default/chat%3Apeer%3Aalice',
  '#/chart/default/pairing%3Amallory',
]

describe('without a mouse, and by eye', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene()
    await fill(scene)
    await scene.says('carol', 'fail again')
    await vi.waitUntil(() => scene.events.filter(({ event }) => event === 'dead-letter').length >= 2, { timeout: 20_000 })
    await vi.waitUntil(() => scene.events.filter(({ event }) => event === 'sent').length >= 4, { timeout: 20_000 })
  })
  afterAll(() => scene.close())
  let page: Page
  beforeEach(async () => {
    page = await opened(scene.inspector.url)
    await page.getByRole('region').first().waitFor()
  })

  test.each(VIEWS)('everything in %s is reached by Tab, one after the other, with the focus in sight', async hash => {
    await page.setViewportSize({ width: 900, height: 500 })
    await goTo(page, hash)
    await page.locator('main > *').first().waitFor()
    if (hash.startsWith('#/chat/')) await page.locator('.life').last().waitFor()
    if (hash.startsWith('#/chart/')) await page.locator('.state.active').first().waitFor()
    // An event that comes meanwhile would be one link more.
    if (hash === '#/log') await page.getByRole('button', { name: 'pause' }).click()
    await page.getByRole('link', { name: 'Overview' }).focus()
    const all = Number(await page.evaluate(TAKES_KEYS))
    for (let n = 1; n < all; n++) {
      await page.keyboard.press('Tab')
      expect(await focused(page), `${hash}, ${n + 1} of ${all}`).toMatchObject({ isMarked: true, isSeen: true })
    }
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBeNull()
  })

  test.each(['light', 'dark'] as const)('every text of a page that is %s can be told from its ground', async colorScheme => {
    const looked = await opened(scene.inspector.url, { colorScheme })
    await looked.getByRole('region').first().waitFor()
    for (const hash of VIEWS) {
      await goTo(looked, hash)
      await looked.locator('main > *').first().waitFor()
      if (hash.startsWith('#/chat/')) await looked.locator('.life').last().waitFor()
      expect(await looked.evaluate(TOO_PALE), hash).toEqual([])
    }
  })

  test('from a list into a chart, the focus goes on in what is shown then', async () => {
    await page.getByRole('link', { name: 'Actors' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('searchbox').fill('chat:peer:alice')
    await expect.poll(() => page.locator('.filters output').textContent()).toBe('1 actor')
    await page.getByRole('listbox').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /peer:alice/ }).waitFor()
    await expect.poll(async () => (await focusedName(page))?.startsWith('main')).toBe(true)
    expect(await focused(page)).toMatchObject({ isMarked: true })
    await page.keyboard.press('Tab')
    expect(await focusedName(page)).toBe('a outbox')
  })

  test('a message that was given up is seen to be so in its conversation, with the reason and the way to it', async () => {
    await goTo(page, '#/chat/default/peer%3Acarol')
    const message = page.locator('.life').first()
    await message.getByText('Given up: the model is overloaded.').waitFor()
    await message.getByRole('link', { name: 'Try it again, or drop it' }).click()
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor()
  })

  test('times are told with their zone, and on another day with the day', async () => {
    const looked = await opened(scene.inspector.url, { timezoneId: 'Asia/Tokyo' })
    await looked.getByText('times in Asia/Tokyo, UTC+9').waitFor()
    await goTo(looked, '#/chat/default/peer%3Acarol')
    const time = looked.locator('.life time').first()
    expect(await time.textContent()).toMatch(/^\d\d:\d\d:\d\d$/)
    await looked.clock.setFixedTime(Date.now() + 3 * 86_400_000)
    await goTo(looked, '#/chat/default/peer%3Aalice')
    await expect.poll(() => time.textContent()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  })

  test('the slider of a chart has the focus once it is there, and gives it back', async () => {
    await goTo(page, '#/chart/default/chat%3Apeer%3Amallory')
    await page.getByRole('button', { name: 'go back in time' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => focusedName(page)).toBe('input Moment')
    await page.keyboard.press('Home')
    await page.getByText('the drawing shows the past').waitFor()
    expect(await page.locator('.now').allTextContents()).toEqual([
      'door: deciding · turn: idle · errand: idle',
      'door: awaiting pairing · turn: idle · errand: idle',
    ])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => focusedName(page)).toBe('button go back in time')
  })

  test('what cannot be taken back is asked about first, and afterwards the focus is on what is next', async () => {
    await goTo(page, '#/requests')
    const first = page.locator('.item').filter({ hasText: 'message in' }).first()
    await first.getByRole('button', { name: /drop/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('group', { name: 'Drop this message for good?' }).waitFor()
    expect(await focusedName(page)).toBe('button cancel')
    await page.keyboard.press('Escape')
    await expect.poll(() => focusedName(page)).toBe('button drop the message in peer:carol')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByText('message in peer:carol').count()).toBe(1)
    expect(await focusedName(page)).toBe('button retry the message in peer:carol')
    await page.keyboard.press('Tab')
    for (const key of ['Enter', 'Tab', 'Enter']) await page.keyboard.press(key)
    await page.getByText('Nothing was given up').waitFor()
    expect(await focused(page)).toMatchObject({ name: 'h2 Dead letters', isMarked: true, isSeen: true })
  })
})

test('a page without the token says what to do, and one whose bot is gone says so and comes back to nothing false', async () => {
  const scene = await openScene({ mayAct: false })
  const stranger = await openPage(browser)
  onTestFinished(() => stranger.page.context().close())
  await stranger.page.goto(`http://127.0.0.1:${scene.inspector.port}/`)
  await stranger.page.getByText('The token is missing or wrong').waitFor()
  await stranger.page.goto(`http://127.0.0.1:${scene.inspector.port}/#token=guessed`)
  await stranger.page.reload()
  await stranger.page.getByText('The token is missing or wrong').waitFor()

  const { page } = await openPage(browser)
  onTestFinished(() => page.context().close())
  await page.goto(scene.inspector.url)
  await page.getByRole('region', { name: 'Account default' }).getByText('most in a second of this minute: 0').waitFor()
  await page.getByRole('link', { name: 'Requests' }).click()
  await page.getByText('This page may only look').waitFor()
  await page.clock.install()
  await scene.close()
  await page.getByText('connection lost, trying again').waitFor()
  await page.getByText(/No connection to the bot since \d\d:\d\d:\d\d/).waitFor()

  // What could not be done is told until somebody has read it.
  await page.getByRole('textbox', { name: 'Message' }).fill('anybody?')
  await page.keyboard.press('Enter')
  const said = page.getByText('There is no connection, so nothing was done.')
  await said.waitFor()
  const boxOf = async (place: string) => (await page.locator(place).boundingBox()) ?? { y: 0, height: 0 }
  for (const width of [1_280, 480]) {
    await page.setViewportSize({ width, height: 800 })
    const { y, height } = await boxOf('.said')
    expect(y + height, `${width}`).toBeLessThanOrEqual((await boxOf('.composer')).y)
  }
  await page.clock.runFor(60_000)
  expect(await said.isVisible()).toBe(true)
  await page.getByRole('button', { name: 'close' }).click()
  expect(await said.isVisible()).toBe(false)
})

test('several accounts stand in the order of their names, one in trouble with its reason', async () => {
  const scene = await openScene({ hasMore: true })
  onTestFinished(() => scene.close())
  const page = await opened(scene.inspector.url)
  await page.getByRole('region', { name: 'Account archive' }).getByText('Is the ZTM agent running there?').waitFor()
  await expect.poll(() => page.getByRole('region').locator('h2').allTextContents()).toEqual(['archive', 'default', 'helpdesk'])

  await goTo(page, '#/log')
  await page.getByRole('searchbox', { name: 'Filter events' }).waitFor()
  await scene.mesh.user('erin').says('hello', 'peer:helpdesk')
  await page.getByRole('link', { name: 'helpdesk › chat:peer:erin' }).first().click()
  await page.getByRole('link', { name: 'messages' }).click()
  await page.getByRole('link', { name: 'helpdesk' }).click()
  await page.getByRole('heading', { name: 'account helpdesk' }).waitFor()
})

test('another page cannot read from it, frame it, or open its stream', async () => {
  const scene = await openScene()
  onTestFinished(() => scene.close())
  const { port, token } = scene.inspector
  const { page } = await openPage(browser)
  onTestFinished(() => page.context().close())
  await page.route('http://evil.example/**', route => route.fulfill({ contentType: 'text/html', body: '<body>evil</body>' }))
  await page.goto('http://evil.example/')
  const outcome = (script: string) => page.evaluate(`(async () => { ${script} })()`)
  expect(await outcome(`return fetch('http://127.0.0.1:${port}/status?token=${token}').then(() => 'read', () => 'refused')`)).toBe(
    'refused',
  )
  expect(
    await outcome(
      `return new Promise(done => { const s = new WebSocket('ws://127.0.0.1:${port}/stream?token=${token}'); s.onopen = () => done('open'); s.onerror = () => done('refused') })`,
    ),
  ).toBe('refused')
  await outcome(
    `const f = document.createElement('iframe'); f.src = 'http://127.0.0.1:${port}/'; document.body.append(f); await new Promise(done => { f.onload = done })`,
  )
  expect(await page.frames().at(-1)?.locator('#page').count()).toBe(0)
})
