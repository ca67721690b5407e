/** The parts of README.md that come from the code. `--check` fails when they are stale. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configTable, limitsTable } from '../src/domain/config.ts'
import { type Results, readmeTable } from '../test/bench/kit/table.ts'

const results: Results = JSON.parse(readFileSync(join(import.meta.dirname, '../test/bench/results.json'), 'utf8'))
const path = join(import.meta.dirname, '..', 'README.md')
const parts: Record<string, string> = { config: configTable(), limits: limitsTable(), bench: readmeTable(results) }

export const withParts = (readme: string): string =>
  Object.entries(parts).reduce(
    (text, [name, part]) =>
      text.replace(new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`), (_, begin, end) => `${begin}${part.trim()}\n${end}`),
    readme,
  )

const readme = readFileSync(path, 'utf8')
const fresh = withParts(readme)
if (!process.argv.includes('--check')) writeFileSync(path, fresh)
else if (fresh !== readme) {
  console.error('README.md has stale tables; run `npm run readme`.')
  process.exit(1)
}
