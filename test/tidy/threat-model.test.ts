/** The page names a test for each threat: it must be there, under that title. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/threat-model.md'), 'utf8')

/** The cells of each row, without the heads of the tables. */
const rows = page
  .split('\n')
  .filter(line => line.startsWith('|') && !/^\| what (they|it) tr|^\|-/.test(line))
  .map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )

type Cited = { readonly file: string; readonly title: string }

/** `` `FILE`: *TITLE*, *TITLE*; `FILE`: *TITLE* `` */
const citedIn = (cell: string): readonly Cited[] =>
  cell.split(/; (?=`)/).flatMap(part => {
    const [, file = '', titles = ''] = /^`([^`]+)`: (.+)$/.exec(part) ?? []
    return [...titles.matchAll(/\*([^*]+)\*/g)].map(([, title = '']) => ({ file, title }))
  })

function fault({ file, title }: Cited): string | null {
  if (!/^test\/.+\.ts$/.test(file) || !existsSync(join(ROOT, file))) return `${file} does not exist.`
  return readFileSync(join(ROOT, file), 'utf8').includes(title) ? null : `${file} has no test "${title}".`
}

test('every threat has what stops it, and a test', () => {
  expect(rows.length).toBeGreaterThan(25)
  for (const row of rows) {
    expect(row, row.join(' | ')).toHaveLength(3)
    expect(row[1], row[0]).not.toBe('')
    expect(citedIn(row[2] ?? '').length, row[0]).toBeGreaterThan(0)
  }
})

test('every test that the threat model names exists', () => {
  const cited = rows.flatMap(row => citedIn(row[2] ?? ''))

  expect(cited.length).toBeGreaterThan(40)
  expect(cited.flatMap(one => fault(one) ?? [])).toEqual([])
})

test('everybody of whom the page has to speak is there', () => {
  for (const who of [
    'mesh user',
    'creator of a group',
    'user of this machine',
    'web page',
    'hostile agent',
    'hostile permit server',
    'network of a fleet',
  ]) {
    expect(page).toMatch(new RegExp(`^## .*${who}`, 'mi'))
  }
})

test.each<[Cited, string | null]>([
  [{ file: 'test/tidy/threat-model.test.ts', title: 'every threat has what stops it, and a test' }, null],
  [{ file: 'test/tidy/no-such.test.ts', title: 'x' }, 'test/tidy/no-such.test.ts does not exist.'],
  [{ file: 'test/tidy/imports.test.ts', title: 'no such title' }, 'test/tidy/imports.test.ts has no test "no such title".'],
])('of %j it would say %j', (cited, said) => {
  expect(fault(cited)).toBe(said)
})
