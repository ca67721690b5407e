/**
 * `npm run bench`: every scenario, or those that are named. `--smoke` for as little as shows that they run, `--compare REV` for this
 * code against that of another revision, in turns.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { markdownTable } from 'markdown-table'
import type { Scenario } from './kit/bench.ts'
import { type Result, type Results, tableOf } from './kit/table.ts'
import { scenarios } from './scenarios.ts'

const ROOT = join(import.meta.dirname, '../..')
const RESULTS = join(import.meta.dirname, 'results.json')
/** Each revision runs so often; the first of a pair changes from pair to pair. */
const PAIRS = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false }, compare: { type: 'string' }, json: { type: 'string', default: RESULTS } },
})

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`

async function runAll(chosen: readonly Scenario[], smoke: boolean, json: string): Promise<void> {
  for (const scenario of chosen) {
    const { name, title, limits } = scenario
    const result: Result = { title, limits, ...(await scenario.run(smoke ? 'smoke' : 'full')) }
    console.log(`\n${name}: ${tableOf(result)}`)
    // After each, so that a run that is ended keeps what it has.
    writeResult(json, name, result)
  }
}

function readResults(json: string): Results {
  try {
    return JSON.parse(readFileSync(json, 'utf8'))
  } catch {
    return { machine, scenarios: {} }
  }
}

/** Beside those of the other scenarios, in their order. */
function writeResult(json: string, name: string, result: Result): void {
  const found = { ...readResults(json).scenarios, [name]: result }
  const ordered = Object.fromEntries(scenarios.flatMap(({ name }) => (found[name] ? [[name, found[name]]] : [])))
  writeFileSync(json, `${JSON.stringify({ machine, scenarios: ordered }, null, 2)}\n`)
}

/** The other revision's code under this one's benchmarks. */
function compare(revision: string, names: readonly string[], smoke: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'ztm-chat-compare-'))
  const other = join(folder, 'other')
  const git = (...args: readonly string[]) => execFileSync('git', ['-C', ROOT, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  git('worktree', 'add', '--detach', other, revision)
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(other, 'node_modules'))
    rmSync(join(other, 'test/bench'), { recursive: true, force: true })
    cpSync(join(ROOT, 'test/bench'), join(other, 'test/bench'), { recursive: true })
    const found: Record<'this' | 'other', Results[]> = { this: [], other: [] }
    for (let pair = 0; pair < PAIRS; pair++) {
      for (const side of pair % 2 === 0 ? (['this', 'other'] as const) : (['other', 'this'] as const)) {
        const json = join(folder, `${side}-${pair}.json`)
        const main = join(side === 'this' ? ROOT : other, 'test/bench/main.ts')
        execFileSync(process.execPath, [main, ...names, ...(smoke ? ['--smoke'] : []), '--json', json], {
          stdio: ['ignore', 'ignore', 'inherit'],
        })
        found[side].push(readResults(json))
      }
    }
    console.log(comparisonOf(found.this, found.other, revision))
  } finally {
    git('worktree', 'remove', '--force', other)
    rmSync(folder, { recursive: true, force: true })
  }
}

function comparisonOf(ours: readonly Results[], theirs: readonly Results[], revision: string): string {
  const valuesOf = (all: readonly Results[], name: string, figure: string) =>
    all.flatMap(({ scenarios }) => scenarios[name]?.rows.filter(row => row.figure === figure).map(({ value }) => value) ?? [])
  const median = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN
  const rows = Object.entries(ours[0]?.scenarios ?? {}).flatMap(([name, { rows }]) =>
    rows.map(({ figure, unit }) => {
      const [here, there] = [median(valuesOf(ours, name, figure)), median(valuesOf(theirs, name, figure))]
      return [name, figure, `${here.toPrecision(3)} ${unit}`, `${there.toPrecision(3)} ${unit}`, (here / there).toFixed(2)]
    }),
  )
  return markdownTable([['scenario', `figure, median of ${PAIRS}`, 'here', revision, 'ratio'], ...rows], {
    align: ['l', 'l', 'r', 'r', 'r'],
  })
}

const unknown = positionals.filter(name => !scenarios.some(scenario => scenario.name === name))
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; expected some of ${scenarios.map(({ name }) => name).join(', ')}.`)
  process.exitCode = 2
} else if (values.compare !== undefined) compare(values.compare, positionals, values.smoke)
else {
  const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  await runAll(chosen, values.smoke, values.json)
}
