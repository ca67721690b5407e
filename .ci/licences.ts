/** The licences of what is installed with this package, and of what its page has inside. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const { packages }: { packages: Readonly<Record<string, Locked>> } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
const manifest: Locked = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

type Locked = { readonly version: string; readonly license?: string; readonly dependencies?: Readonly<Record<string, string>> }
export type Licensed = { readonly name: string; readonly version: string; readonly licence: string }

/** These, and everything they depend on, by name. */
function withDependencies(names: readonly string[]): readonly Licensed[] {
  const found = new Map<string, Licensed>()
  const visit = (name: string): void => {
    if (found.has(name)) return
    const locked = packages[`node_modules/${name}`]
    if (!locked) throw new Error(`package-lock.json has no ${name} at its top; two versions of one package are not told apart here.`)
    found.set(name, { name, version: locked.version, licence: locked.license ?? 'unknown' })
    for (const dependency of Object.keys(locked.dependencies ?? {})) visit(dependency)
  }
  for (const name of names) visit(name)
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** What npm installs with this package. */
export const installed = (): readonly Licensed[] => withDependencies(Object.keys(manifest.dependencies ?? {}))

/** What the inspector's page is bundled with: it is in the package itself. */
export function bundled(): readonly Licensed[] {
  const page = join(root, 'src/inspector/page')
  const sources = readdirSync(page).filter(name => /\.tsx?$/.test(name))
  const imports = sources.flatMap(name => [...readFileSync(join(page, name), 'utf8').matchAll(/from '((?:@[\w-]+\/)?[a-z][\w-]*)/g)])
  return withDependencies([...new Set(imports.map(([, name = '']) => name))].filter(name => `node_modules/${name}` in packages))
}

function textOf({ name }: Licensed): string {
  const folder = join(root, 'node_modules', name)
  const file = readdirSync(folder).find(one => /^licen[cs]e(\.(md|txt))?$/i.test(one))
  if (file === undefined) throw new Error(`${name} brings no text of its licence.`)
  return readFileSync(join(folder, file), 'utf8').trim()
}

const table = (all: readonly Licensed[]): readonly string[] => [
  '| package | version | licence |',
  '|---|---|---|',
  ...all.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
]

/** The whole page. */
export const licencesPage = (): string =>
  [
    '# Licences',
    '',
    'openclaw-ztm-chat itself is under the [MIT licence](../LICENSE). This page is made by `npm run readme`, from `package-lock.json`.',
    '',
    '## Installed with it',
    '',
    'Each brings its own text. npm may install newer ones, within the ranges of `package.json`.',
    '',
    ...table(installed()),
    '',
    "## Bundled in the inspector's page",
    '',
    ...table(bundled()),
    ...bundled().flatMap(one => ['', `### ${one.name}`, '', '```text', textOf(one), '```']),
    '',
  ].join('\n')
