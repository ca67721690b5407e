/** What would be published: everything that is wanted, nothing else, and not too much of it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { bundled, installed } from '../../.ci/licences.ts'
import { documentAt, ROOT, withoutBlocks } from '../docs/markdown.ts'

const TOP = ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'openclaw.plugin.json', 'package.json', 'packaging', 'statecharts']

/** Nothing but what was built, and what people read or copy. */
const WANTED = [
  /^[\w.]+\.(md|json)$|^LICENSE$/,
  /^dist\/(src|machines)\/[\w/-]+\.(js|d\.ts)$/,
  /^dist\/(secret|doctor)-contract-api\.js$/,
  /^dist\/src\/inspector\/static\/(index\.html|main\.js|style\.css|icon\.svg|charts\/\w+\.(svg|json))$/,
  /^docs\/[\w-]+\.(md|webp)$/,
  /^docs\/examples\/[\w.]+\.ts$/,
  /^packaging\/(Dockerfile|alerts\.yml|ztm-chat\.service)$/,
  /^statecharts\/\w+\.svg$/,
]

/** 0.6 and 2.1 MB at first: a dependency that slipped in, or a forgotten recording, would show. */
const PACKED_BYTES_MAX = 1_000_000
const UNPACKED_BYTES_MAX = 3_500_000
const FILE_BYTES_MAX = 250_000

const packed = z.object({
  size: z.number(),
  unpackedSize: z.number(),
  files: z.array(z.object({ path: z.string(), size: z.number() })),
})
const manifest = JSON.parse(documentAt('package.json'))

let pack: z.infer<typeof packed>
let paths: readonly string[]

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/src/index.js'))) throw new Error('There is no dist/ to be packed; run "npm run build" first.')
  const words = ['pack', '--ignore-scripts', '--dry-run', '--json']
  const { stdout } = await promisify(execFile)('npm', words, { cwd: ROOT, maxBuffer: 16 * 1_048_576 })
  pack = z.tuple([packed]).parse(JSON.parse(stdout))[0]
  paths = pack.files.map(({ path }) => path)
})

test('at its top are these, and no others', () => {
  expect([...new Set(paths.map(path => path.split('/')[0]))].toSorted()).toEqual(TOP)
})

test('every file is of a kind that is wanted', () => {
  expect(paths.filter(path => !WANTED.some(kind => kind.test(path)))).toEqual([])
})

test('it is not larger than it has to be', () => {
  expect(pack.size).toBeLessThan(PACKED_BYTES_MAX)
  expect(pack.unpackedSize).toBeLessThan(UNPACKED_BYTES_MAX)
  expect(pack.files.filter(({ size }) => size > FILE_BYTES_MAX)).toEqual([])
})

test('everything that package.json and the plugin point to is in it', () => {
  const { bin, exports, openclaw } = manifest
  const named = [
    ...Object.values(bin),
    ...Object.values(exports).flatMap(target => (typeof target === 'string' ? target : Object.values(target ?? {}))),
    ...openclaw.extensions,
    openclaw.setupEntry,
  ].map(target => String(target).replace(/^\.\//, ''))

  expect(named.length).toBeGreaterThan(8)
  expect(named.filter(target => !paths.includes(target))).toEqual([])
})

test('the engine of fleets is installed by those who run it, and by nobody else', () => {
  const { dependencies, optionalDependencies = {}, peerDependencies, peerDependenciesMeta } = manifest
  const engine = (names: object) => Object.keys(names).filter(name => name.startsWith('@restatedev/'))

  expect([engine(dependencies), engine(optionalDependencies)]).toEqual([[], []])
  expect(engine(peerDependencies)).toEqual(['@restatedev/restate-sdk'])
  expect(peerDependenciesMeta['@restatedev/restate-sdk']).toEqual({ optional: true })
})

test('what its pages link to, and show, is in it', () => {
  const pages = paths.filter(path => path.endsWith('.md'))
  const missing = pages.flatMap(page =>
    [...withoutBlocks(documentAt(page)).matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)]
      .map(([, link = '']) => posix.normalize(posix.join(dirname(page), link)))
      .filter(link => !paths.includes(link))
      .map(link => `${page}: ${link}`),
  )

  expect(pages.length).toBeGreaterThan(5)
  expect(missing).toEqual([])
})

test('it says nothing of the machine that it was made on, and has no key', () => {
  const texts = paths.filter(path => /\.(md|json|yml|service|ts)$|Dockerfile$/.test(path) && !path.startsWith('dist/'))
  const told = texts.filter(path => /\/home\/\w|\/Users\/\w|BEGIN [A-Z ]*PRIVATE KEY|_authToken/.test(documentAt(path)))

  expect(told).toEqual([])
})

test('licences allow it to be given away, with what is bundled', () => {
  const all = [...installed(), ...bundled()]

  expect(all.filter(({ licence }) => !['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0'].includes(licence))).toEqual([])
  expect(installed().map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)))
  expect(bundled().map(({ name }) => name)).toContain('preact')
  expect(documentAt('docs/licences.md')).toContain('Copyright (c) 2015-present Jason Miller')
})
