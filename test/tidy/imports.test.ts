import { expect, test } from 'vitest'
import { type Import, importsOf, type Source, sourcesIn, targetOf } from './source.ts'

type Layer = 'domain' | 'ports' | 'machines' | 'runtime' | 'adapters' | 'inspector' | 'root'

/**
 * Who may import whom, besides itself. `type` = only types: nothing of it is left at run time.
 * Roots see everything. The inspector is a leaf: it knows the shape of the stream, and only roots know it.
 */
const ALLOWED: Record<Layer, Partial<Record<Layer, 'all' | 'type'>>> = {
  domain: {},
  ports: { domain: 'all' },
  machines: { domain: 'all', ports: 'type' },
  runtime: { machines: 'all', ports: 'all', domain: 'all' },
  adapters: { ports: 'all', domain: 'all' },
  inspector: { runtime: 'type', ports: 'type', domain: 'all' },
  root: { domain: 'all', ports: 'all', machines: 'all', runtime: 'all', adapters: 'all', inspector: 'all' },
}

/** Packages of the pure layers; the others choose for themselves. */
const PACKAGES: Partial<Record<Layer, RegExp>> = {
  domain: /^(zod|fastest-levenshtein|@noble\/hashes(\/.*)?)$/,
  ports: /^rxjs$/,
  machines: /^(xstate|rxjs)$/,
}

function layerOf(path: string): Layer | null {
  const [, layer] = /^(?:src\/)?(domain|ports|machines|runtime|adapters|inspector)\//.exec(path) ?? []
  if (layer !== undefined) return layer as Layer
  return /^src\/(cluster|plugin|runner|setup|simulator)\/|^src\/(cluster|index|testing)\.ts$/.test(path) ? 'root' : null
}

function violation(path: string, { specifier, isType }: Import): string | null {
  const from = layerOf(path)
  if (from === null) return `${path} is in no layer; give its folder a row in this test.`
  const target = targetOf(path, specifier)
  if (target === null) {
    const packages = PACKAGES[from]
    return packages === undefined || packages.test(specifier)
      ? null
      : `${path} imports ${specifier}; ${from} may import ${packages.source} only.`
  }
  const to = layerOf(target)
  if (to === null) return `${path} imports ${target}, which is in no layer.`
  if (to === 'adapters' && from === 'adapters' && target.split('/')[2] !== path.split('/')[2])
    return `${path} imports ${target}; adapters never import each other.`
  if (to === from) return null
  const allowed = ALLOWED[from][to]
  if (allowed === undefined) return `${path} imports ${target}; ${from} may not import ${to}.`
  return allowed === 'type' && !isType ? `${path} imports ${target} at run time; ${from} may import types of ${to} only.` : null
}

const violationsIn = (sources: readonly Source[]): readonly string[] =>
  sources.flatMap(({ path, text }) => importsOf(text).flatMap(found => violation(path, found) ?? []))

test('imports point down only', () => {
  const sources = sourcesIn('src', 'machines')

  expect(sources.length).toBeGreaterThan(30)
  expect(violationsIn(sources)).toEqual([])
})

test('whoever does not run on Restate loads nothing of it', () => {
  const loaded = sourcesIn('src', 'machines')
    // Those load when they are called.
    .filter(({ path }) => !/^src\/cluster[/.]|^src\/runner\/(commands\/(serve|feed|fleet-move|inspect)|control\/fleet)\.ts$/.test(path))
    .flatMap(({ path, text }) => importsOf(text).map(({ specifier }) => ({ path, specifier })))
    .filter(({ path, specifier }) => specifier.startsWith('@restatedev/') || /^src\/cluster[/.]/.test(targetOf(path, specifier) ?? ''))

  expect(loaded).toEqual([])
})

test('only files with their ending are imported', () => {
  const without = sourcesIn('src', 'machines').flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ specifier }) =>
      specifier.startsWith('.') && !/\.(ts|json)$/.test(specifier) ? [`${path}: ${specifier}`] : [],
    ),
  )

  expect(without).toEqual([])
})

test.each<[string, string, string | null]>([
  ['src/domain/a.ts', "import { b } from './b.ts'", null],
  [
    'src/domain/a.ts',
    "import type { Log } from '../ports/log.ts'",
    'src/domain/a.ts imports src/ports/log.ts; domain may not import ports.',
  ],
  [
    'src/domain/config/a.ts',
    "import { Log } from '../../ports/log.ts'",
    'src/domain/config/a.ts imports src/ports/log.ts; domain may not import ports.',
  ],
  [
    'src/domain/a.ts',
    "import { x } from 'lowdb'",
    'src/domain/a.ts imports lowdb; domain may import ^(zod|fastest-levenshtein|@noble\\/hashes(\\/.*)?)$ only.',
  ],
  [
    'src/domain/a.ts',
    "import 'node:fs'",
    'src/domain/a.ts imports node:fs; domain may import ^(zod|fastest-levenshtein|@noble\\/hashes(\\/.*)?)$ only.',
  ],
  [
    'src/ports/a.ts',
    "export type { R } from '../runtime/runtime.ts'",
    'src/ports/a.ts imports src/runtime/runtime.ts; ports may not import runtime.',
  ],
  ['machines/a.ts', "import type { Log } from '../src/ports/log.ts'", null],
  ['machines/a.ts', "import { type Log, type Other } from '../src/ports/log.ts'", null],
  [
    'machines/a.ts',
    "import {\n  type Log,\n  log,\n} from '../src/ports/log.ts'",
    'machines/a.ts imports src/ports/log.ts at run time; machines may import types of ports only.',
  ],
  [
    'machines/a.ts',
    "const x = await import('../src/runtime/runtime.ts')",
    'machines/a.ts imports src/runtime/runtime.ts; machines may not import runtime.',
  ],
  ['machines/a.ts', "import { x } from 'node:crypto'", 'machines/a.ts imports node:crypto; machines may import ^(xstate|rxjs)$ only.'],
  [
    'src/runtime/a.ts',
    "import { x } from '../adapters/clock/x.ts'",
    'src/runtime/a.ts imports src/adapters/clock/x.ts; runtime may not import adapters.',
  ],
  ['src/runtime/a.ts', "import { x } from '../plugin/x.ts'", 'src/runtime/a.ts imports src/plugin/x.ts; runtime may not import root.'],
  ['src/adapters/ztm/a.ts', "import { x } from './deep/x.ts'", null],
  [
    'src/adapters/ztm/a.ts',
    "import { x } from '../memory/x.ts'",
    'src/adapters/ztm/a.ts imports src/adapters/memory/x.ts; adapters never import each other.',
  ],
  ['src/inspector/a.ts', "import type { Runtime } from '../runtime/runtime.ts'", null],
  [
    'src/inspector/a.ts',
    "import { x } from '../runtime/x.ts'",
    'src/inspector/a.ts imports src/runtime/x.ts at run time; inspector may import types of runtime only.',
  ],
  [
    'src/runtime/a.ts',
    "import type { x } from '../inspector/x.ts'",
    'src/runtime/a.ts imports src/inspector/x.ts; runtime may not import inspector.',
  ],
  ['src/plugin/a.ts', "import { x } from '../adapters/ztm/x.ts'", null],
  ['src/index.ts', "export { x } from './runtime/x.ts'", null],
  ['src/other/a.ts', "import { x } from './x.ts'", 'src/other/a.ts is in no layer; give its folder a row in this test.'],
  ['machines/a.ts', "// import { x } from '../src/runtime/x.ts'", null],
])('in %s, %j gives %j', (path, text, problem) => {
  expect(violationsIn([{ path, text }])).toEqual(problem === null ? [] : [problem])
})
