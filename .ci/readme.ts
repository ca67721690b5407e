/** The parts of README.md and of docs/ that come from the code. `--check` fails when they are stale. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configTable, limitsTable } from '../src/domain/config.ts'
import { type Results, readmeTable } from '../test/bench/kit/table.ts'
import { licencesPage } from './licences.ts'
import { versionsTable } from './versions.ts'

const root = join(import.meta.dirname, '..')
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

const results: Results = JSON.parse(textOf('test/bench/results.json'))
const parts: Record<string, string> = {
  config: configTable(),
  limits: limitsTable(),
  bench: readmeTable(results),
  versions: versionsTable(),
}

/** Between `<!-- NAME -->` and `<!-- /NAME -->`. */
const withParts = (text: string): string =>
  Object.entries(parts).reduce(
    (so, [name, part]) =>
      so.replace(new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`), (_, begin, end) => `${begin}${part.trim()}\n${end}`),
    text,
  )

/** A fence of TypeScript that has a name shows that file of docs/examples/. */
const withExamples = (text: string): string =>
  text.replace(/^```ts (\S+)\n.*?^```$/gms, (_, name) => `\`\`\`ts ${name}\n${textOf(`docs/examples/${name}`).trim()}\n\`\`\``)

const documents: Readonly<Record<string, (text: string) => string>> = {
  'README.md': withParts,
  'docs/library.md': withExamples,
  'docs/licences.md': licencesPage,
}

for (const [path, renew] of Object.entries(documents)) {
  const text = textOf(path)
  const fresh = renew(text)
  if (!process.argv.includes('--check')) writeFileSync(join(root, path), fresh)
  else if (fresh !== text) {
    console.error(`${path} is stale; run \`npm run readme\`.`)
    process.exitCode = 1
  }
}
