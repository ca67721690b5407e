/** `npm run fuzz`: every parser for so long, with new seeds; prints executions and findings of each. Ends with 1 when there is a finding. */
import { parseArgs } from 'node:util'
import { markdownTable } from 'markdown-table'
import { closeTargets, TARGETS } from './targets.ts'

const BATCH = 200
const FINDINGS_SHOWN = 3

const { values } = parseArgs({
  options: {
    /** For each parser. */
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Only parsers whose name has this in it. */
    only: { type: 'string', default: '' },
  },
})
const seconds = Number(values.seconds)
const firstSeed = Number(values.seed)

type Row = { readonly name: string; executions: number; slowestMs: number; readonly findings: string[] }
const rows: Row[] = []

for (const target of TARGETS.filter(({ name }) => name.includes(values.only))) {
  const row: Row = { name: target.name, executions: 0, slowestMs: 0, findings: [] }
  rows.push(row)
  const onRun = (ms: number) => {
    row.executions += 1
    row.slowestMs = Math.max(row.slowestMs, ms)
  }
  const untilMs = performance.now() + seconds * 1_000
  for (let seed = firstSeed; performance.now() < untilMs && row.findings.length < FINDINGS_SHOWN; seed++) {
    await target.fuzz({ runs: Math.min(BATCH, target.runs), seed, onRun }).catch((error: unknown) => row.findings.push(described(error)))
  }
  process.stderr.write(`${target.name}: ${row.executions} executions, ${row.findings.length} findings\n`)
}
await closeTargets()

/** With its cause, which says what did not hold. */
function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.message}\n${error.cause instanceof Error ? error.cause.message : ''}`
}

const cell = (value: number) => Math.round(value).toLocaleString('en')
process.stdout.write(
  `${markdownTable(
    [
      ['parser', 'executions', 'slowest ms', 'findings'],
      ...rows.map(({ name, executions, slowestMs, findings }) => [name, cell(executions), cell(slowestMs), String(findings.length)]),
      [
        'all',
        cell(rows.reduce((sum, { executions }) => sum + executions, 0)),
        '',
        String(rows.reduce((sum, { findings }) => sum + findings.length, 0)),
      ],
    ],
    { align: ['l', 'r', 'r', 'r'] },
  )}\n`,
)
for (const { name, findings } of rows)
  for (const finding of findings) process.stdout.write(`\n${name} (first seed ${firstSeed}):\n${finding}\n`)
process.exitCode = rows.some(({ findings }) => findings.length > 0) ? 1 : 0
