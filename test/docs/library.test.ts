/** docs/library.md: its examples are run, and what it says is exported is what is exported. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { cryptoRandom } from '../../src/adapters/clock/crypto-random.ts'
import { systemClock } from '../../src/adapters/clock/system-clock.ts'
import { createMesh } from '../../src/simulator/mesh/mesh.ts'
import { CALM } from '../../src/simulator/mesh/quirks.ts'
import { serveAgent } from '../../src/simulator/mesh/serve.ts'
import { codeBlocks, documentAt, part, quoted, ROOT, tableRows } from './markdown.ts'

const page = documentAt('docs/library.md')
const EXAMPLES = join(ROOT, 'docs/examples')
const names = readdirSync(EXAMPLES)
const isTest = (name: string) => name.endsWith('.test.ts')

/** What the package exports, and the source of it. */
const ENTRIES: Readonly<Record<string, string>> = {
  'openclaw-ztm-chat': 'src/index.ts',
  'openclaw-ztm-chat/testing': 'src/testing.ts',
  'openclaw-ztm-chat/cluster': 'src/cluster.ts',
}

/** The package's name leads to its source, as it leads to dist/ where it is installed. */
const urls = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, pathToFileURL(join(ROOT, path)).href]))
const HOOK = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module'
   const urls = ${JSON.stringify(urls)}
   registerHooks({ resolve: (name, context, next) => next(urls[name] ?? name, context) })`,
)}`

/** Starts an example, each time in the same folder of its own. */
async function startExample(name: string, env: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'ztm-chat-library-'))
  onTestFinished(() => rm(cwd, { recursive: true, force: true }))
  return (): ChildProcessByStdio<null, Readable, null> => {
    const child = spawn(process.execPath, ['--no-warnings', '--import', HOOK, join(EXAMPLES, name)], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }
}

const codeOf = (child: ChildProcess) => new Promise<number | null>(resolve => child.once('close', resolve))

test('the page shows every example, as it is', () => {
  // `npm run check` compiles them.
  const shown = codeBlocks(page).flatMap(({ language, name, code }) => (language === 'ts' ? [[name, code]] : []))
  const files = readdirSync(EXAMPLES).map(name => [name, readFileSync(join(EXAMPLES, name), 'utf8')])

  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(files))
  expect(shown.length).toBe(files.length)
  expect(names.filter(name => !isTest(name))).toEqual(['bot.ts'])
})

test.each(names.filter(isTest))('%s passes', async name => {
  const running = (await startExample(name))()

  const said = await text(running.stdout)

  expect(said).toMatch(/^. pass [1-9]/m)
  expect(said).toMatch(/^. fail 0$/m)
})

test('the tutorial is twenty lines', () => {
  expect(codeBlocks(page)[0]?.code.trimEnd().split('\n').length).toBeLessThanOrEqual(20)
})

test('bot.ts answers on a mesh, says hello once, and stops when it is told to', async () => {
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name: 'home', quirks: CALM })
  mesh.bot = 'my-bot'
  const { url, close } = await serveAgent(mesh.user('my-bot').agent)
  onTestFinished(close)
  const alice = mesh.user('alice')
  const heard = () => alice.inbox().flatMap(({ sender, message }) => (sender === 'my-bot' ? [message] : []))

  const startBot = await startExample('bot.ts', { AGENT_URL: url })
  for (const greeting of ['hi', 'again']) {
    const bot = startBot()
    const ended = codeOf(bot)
    for await (const line of createInterface({ input: bot.stdout })) {
      const { event, key } = JSON.parse(line)
      if (event === 'live') await alice.says(greeting)
      if (event === 'sent' && !key.startsWith('hello')) bot.kill('SIGTERM')
    }
    expect(await ended).toBe(0)
  }

  await expect.poll(() => heard().length, { timeout: 10_000 }).toBe(3)
  const said = ['The parrot is back.', 'alice says: hi', 'alice says: again']
  expect(heard()).toEqual(expect.arrayContaining(said.map(text => expect.objectContaining({ text }))))
})

/** `export { a, type B } from`, `export type { C } from` */
const exportsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^export (?:type )?\{([^}]+)\} from/gm)].flatMap(([, names = '']) =>
    names.split(',').map(name => name.trim().replace(/^type /, '')),
  )

describe.each(Object.entries(ENTRIES))('%s', (entry, source) => {
  test('exports what the page says, and nothing else', async () => {
    const said = tableRows(part(page, entry)).flatMap(([names = '']) => quoted(names))
    const values = Object.keys(await import(/* @vite-ignore */ urls[entry] ?? ''))

    expect(said.toSorted()).toEqual(exportsOf(documentAt(source)).toSorted())
    expect(said).toEqual(expect.arrayContaining(values))
  })
})
