/** What README.md and the pages of docs/ name exists: commands, options, scripts, variables, charts, files. test/e2e/runner/readme.test.ts runs them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { charts } from '../../src/runner/statecharts/charts.ts'
import { sourcesIn } from '../tidy/source.ts'
import { isCommand, leaves, nameOf, refusal } from './command-line.ts'
import { commandLines, commandRows, optionsIn, words } from './commands.ts'
import { codeBlocks, documentAt, quoted, ROOT, section, withoutBlocks } from './markdown.ts'

const readme = documentAt('README.md')
const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).flatMap(name => (name.endsWith('.md') ? [`docs/${name}`] : []))]
const OURS = 'A real bot without OpenClaw'
const OF_OPENCLAW = 'Install in OpenClaw'

const refusals = async (lines: readonly string[]) =>
  (await Promise.all(lines.map(line => refusal(words(line))))).filter(fault => fault !== null)

describe('every command line of ztm-chat', () => {
  test.each(pages)('in %s is one that it takes', async page => {
    const lines = commandLines(documentAt(page), ['ztm-chat']).map(line => line.replace(/^(npx )?ztm-chat /, ''))

    if (page === 'README.md') expect(lines.length).toBeGreaterThan(8)
    expect(await refusals(lines)).toEqual([])
  })

  test('one that does not exist would be told', async () => {
    expect(await refusals(['run --parrot', 'fly', 'pairing approve', 'explain --last none', 'pairing list'])).toEqual([
      "run --parrot: error: unknown option '--parrot'",
      expect.stringContaining("fly: error: unknown command 'fly'"),
      "pairing approve: error: missing required argument 'code'",
      expect.stringContaining("explain --last none: error: option '--last <n>' argument 'none' is invalid"),
    ])
  })
})

describe("the README's table of commands", () => {
  const rows = commandRows(section(readme, OURS), isCommand)

  test('shows command lines that exist', async () => {
    expect(await refusals(rows.flatMap(({ commands }) => commands))).toEqual([])
  })

  test('has every command there is', () => {
    const shown = rows.flatMap(({ commands }) => commands)
    expect(leaves.map(nameOf).filter(name => !shown.some(line => line === name || line.startsWith(`${name} `)))).toEqual([])
  })

  test.each(rows)('speaks of options of $commands', ({ commands, told }) => {
    const known = leaves
      .filter(leaf => commands.some(line => line.startsWith(nameOf(leaf))))
      .flatMap(leaf => leaf.options.map(({ long }) => long))
    expect(told.filter(option => !known.includes(option))).toEqual([])
  })
})

test('every option that the README names elsewhere is one of some command', () => {
  const text = readme.replace(section(readme, OF_OPENCLAW), '')
  const all = [...quoted(withoutBlocks(text)), ...codeBlocks(text).flatMap(({ code }) => code.split('\n'))]
  const lines = all.filter(line => !line.startsWith('openclaw '))
  const known = leaves.flatMap(leaf => leaf.options.map(({ long }) => long))
  // Of `npm run bench`, and of npm's own.
  const others = ['--help', '--compare']

  expect(optionsIn(lines).filter(option => !known.includes(option) && !others.includes(option))).toEqual([])
})

test('all commands have --help, and all but init have --json', () => {
  const withoutJson = leaves.filter(leaf => !leaf.options.some(({ long }) => long === '--json')).map(nameOf)

  expect(readme).toContain('Every command has `--help`, and all but `init` have `--json`')
  expect(withoutJson).toEqual(['init'])
  for (const leaf of leaves) {
    const help = leaf.helpInformation()
    for (const { long } of leaf.options) expect(help, nameOf(leaf)).toContain(long)
  }
})

test('every script of npm that a page names is there', () => {
  const { scripts } = JSON.parse(documentAt('package.json'))
  const named = pages.flatMap(page =>
    commandLines(documentAt(page), ['npm']).flatMap(line => [...line.matchAll(/npm (?:run )?([a-z:-]+)/g)].map(([, name = '']) => name)),
  )

  expect(named.length).toBeGreaterThan(10)
  expect(named.filter(name => !['ci', 'pack', 'install', 'uninstall'].includes(name) && !(name in scripts))).toEqual([])
})

test('every environment variable of ours that a page names is read somewhere', () => {
  const code = sourcesIn('src', 'test', 'docs/examples')
  const named = new Set(pages.flatMap(page => documentAt(page).match(/\b(?:ZTM_CHAT_[A-Z_]+|KILLS|MESSAGES|AGENT_URL)\b/g) ?? []))

  expect(named.size).toBeGreaterThan(2)
  expect([...named].filter(name => !code.some(({ text }) => text.includes(name)))).toEqual([])
})

test('all six charts are drawn, and shown or linked', () => {
  const names = Object.keys(charts)

  expect(names.length).toBe(6)
  for (const name of names) {
    expect(readme, name).toContain(`(statecharts/${name}.svg)`)
    for (const ending of ['svg', 'mmd', 'json']) expect(existsSync(join(ROOT, `statecharts/${name}.${ending}`)), name).toBe(true)
  }
})

/** Links to files, without those to other places. */
const linksIn = (text: string): readonly string[] =>
  [...withoutBlocks(text).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link).filter(link => !/^[a-z]+:/.test(link))

test.each(pages)('every link of %s leads to a file', page => {
  const missing = linksIn(documentAt(page)).filter(link => !existsSync(join(ROOT, dirname(page), link)))

  expect(missing).toEqual([])
})

/** `src/x.ts`, `test/adapters/store/`, `test/runtime/{one,other}.test.ts` */
const pathsIn = (text: string): readonly string[] =>
  quoted(withoutBlocks(text))
    .filter(name => /^(?:src|test|docs|machines|statecharts|packaging|\.ci)\/[\w./{},-]*$/.test(name))
    .flatMap(name => {
      const [, before = '', several, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(name) ?? []
      return several === undefined ? [name] : several.split(',').map(one => `${before}${one}${after}`)
    })

test.each(pages)('every file of the project that %s names is there', page => {
  expect(pathsIn(documentAt(page)).filter(path => !existsSync(join(ROOT, path)))).toEqual([])
})

test('the version in command lines is the one of the package', () => {
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const tarballs = pages.flatMap(page => [...documentAt(page).matchAll(/[\w-]+-\d+\.\d+\.\d+\.tgz/g)].map(([found]) => found))

  expect(new Set(tarballs)).toEqual(new Set([`${name}-${version}.tgz`]))
})
