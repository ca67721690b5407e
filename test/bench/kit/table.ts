/** Results as tables: for the terminal and for the README. */
import { markdownTable } from 'markdown-table'
import type { Row } from './bench.ts'

export type Result = { readonly title: string; readonly limits: string; readonly rows: readonly Row[]; readonly plot?: string }
/** By the name of the scenario. */
export type Results = { readonly machine: string; readonly scenarios: { readonly [name: string]: Result } }

const HEAD = ['figure', 'measured', 'wanted', 'plain loop', 'reference']

/** Three digits are more than a shared machine can repeat. */
const shown = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en')

/** How many times the measured value the other one is, or the other way round. */
function beside(value: number, other: number | undefined): string {
  if (other === undefined) return ''
  const ratio = other / value
  return `${shown(other)} (×${ratio >= 0.1 ? shown(ratio) : `1/${shown(1 / ratio)}`})`
}

function wanted({ atMost, atLeast }: Row): string {
  if (atMost !== undefined) return `≤ ${shown(atMost)}`
  return atLeast === undefined ? '' : `≥ ${shown(atLeast)}`
}

const cells = (row: Row): string[] => [
  row.figure,
  `${shown(row.value)} ${row.unit}`,
  wanted(row),
  beside(row.value, row.loop),
  beside(row.value, row.against),
]

export function tableOf({ title, limits, rows, plot }: Result): string {
  const table = markdownTable([HEAD, ...rows.map(cells)], { align: ['l', 'r', 'r', 'r', 'r'] })
  return [`${title} (${limits})`, table, ...(plot ? [plot] : [])].join('\n')
}

/** The main figures of all scenarios. */
export function readmeTable({ machine, scenarios }: Results): string {
  const rows = Object.entries(scenarios).flatMap(([name, { title, limits, rows }]) =>
    rows.filter(({ isMain }) => isMain).map((row, index) => [index === 0 ? `\`${name}\`: ${title} (${limits})` : '', ...cells(row)]),
  )
  const plots = Object.values(scenarios).flatMap(({ plot }) => plot?.split('\n') ?? [])
  return [
    markdownTable([['scenario', ...HEAD], ...rows], { align: ['l', 'l', 'r', 'r', 'r', 'r'], padding: true, alignDelimiters: false }),
    '',
    ...(plots.length > 0 ? ['```text', ...plots, '```', ''] : []),
    `Measured on ${machine}.`,
  ].join('\n')
}
