import { expect, test } from 'vitest'
import { importsOf, type Source, sourcesIn, withoutTexts } from './source.ts'

/** Time, chance and the outside world come in as arguments and ports. A dot before a name makes it somebody's method. */
const IMPURE: Readonly<Record<string, RegExp>> = {
  'Date.now': /\bDate\s*\.\s*now\b/,
  'new Date()': /\bnew\s+Date\s*(\(\s*\)|(?!\s*\())|(?<![.\w$]|new\s)Date\s*\(\s*\)/,
  'Math.random': /\bMath\s*\.\s*random\b/,
  timers: /(?<![.\w$])(setTimeout|setInterval|setImmediate)\b/,
  console: /(?<![.\w$])console\s*[.[]/,
  process: /(?<![.\w$])process\s*[.[]/,
  // A file's own `fetch` (parameter, method or function) is not the network's.
  fetch: /^(?![\s\S]*\bfetch\b\s*([:,}=]|\([^)]*:)|[\s\S]*\b(async|function)\s+fetch\b)[\s\S]*(?<![.\w$])fetch\s*\(/,
  performance: /(?<![.\w$])performance\s*[.[]/,
  crypto: /(?<![.\w$])crypto\s*[.[]/,
  globalThis: /\bglobalThis\b/,
}

function impuritiesIn({ path, text }: Source): readonly string[] {
  const code = withoutTexts(text)
  const named = Object.entries(IMPURE).flatMap(([name, pattern]) => (pattern.test(code) ? [`${path} uses ${name}.`] : []))
  const imported = importsOf(text).flatMap(({ specifier }) => (specifier.startsWith('node:') ? [`${path} imports ${specifier}.`] : []))
  return [...named, ...imported]
}

test('machines, domain, ports and runtime have no clock, no chance, no console and no outside world of their own', () => {
  const sources = sourcesIn('machines', 'src/domain', 'src/ports', 'src/runtime')

  expect(sources.length).toBeGreaterThan(20)
  expect(sources.flatMap(impuritiesIn)).toEqual([])
})

test.each<[string, readonly string[]]>([
  ['const now = Date.now()', ['x.ts uses Date.now.']],
  ['const now = Date . now', ['x.ts uses Date.now.']],
  ['const now = new Date()', ['x.ts uses new Date().']],
  ['const now = new Date', ['x.ts uses new Date().']],
  ['const text = Date()', ['x.ts uses new Date().']],
  ['const day = new Date(atMs)', []],
  ['const coin = Math.random() < 0.5', ['x.ts uses Math.random.']],
  ['setTimeout(run, 5)', ['x.ts uses timers.']],
  ['const later = { run: setInterval }', ['x.ts uses timers.']],
  ['clock.setTimeout(run)', []],
  ['console.log(1)', ['x.ts uses console.']],
  ["console['log'](1)", ['x.ts uses console.']],
  ['const home = process.env.HOME', ['x.ts uses process.']],
  ["const decision = { action: 'process' }", []],
  ['await fetch(url)', ['x.ts uses fetch.']],
  ['await watcher.fetch(chat)', []],
  ['const run = (fetch: Fetch) => fetch(chat)', []],
  ['return { async fetch(chat) {} }', []],
  ['performance.now()', ['x.ts uses performance.']],
  ['crypto.randomUUID()', ['x.ts uses crypto.']],
  ['globalThis.Date', ['x.ts uses globalThis.']],
  ["import { readFile } from 'node:fs/promises'", ['x.ts imports node:fs/promises.']],
  ["import type { Readable } from 'node:stream'", ['x.ts imports node:stream.']],
  ['// Date.now() would be wrong here\n/* so would\n console.log() */', []],
  ["const text = 'Date.now() and console.log()'", []],
])('%j gives %j', (text, found) => {
  expect(impuritiesIn({ path: 'x.ts', text })).toEqual(found)
})
