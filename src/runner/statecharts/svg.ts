/**
 * A chart as a picture that stands alone: guards on the arrows, effects in the states. Its colours follow the reader's light or dark
 * mode, and it brings its own ground, so that it can be read on any page.
 * Every state carries `data-state` (its id), every arrow `data-source` and `data-index` (whose transition, and which): the inspector's
 * page lights them up.
 */
import type { AnyStateMachine } from 'xstate'
import { type Arrow, type Box, type Layout, LINE_HEIGHT, type Line, layoutOf, PADDING } from './layout.ts'

export async function svg(name: string, machine: AnyStateMachine): Promise<string> {
  const { width, height, boxes, arrows }: Layout = await layoutOf(machine)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Statechart ${escaped(name)}">`,
    `<!-- Drawn from machines/${name}.ts; do not edit. -->`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 1 10 5 0 9z"/></marker></defs>',
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    ...boxes.map(boxOf),
    ...arrows.map(arrowOf),
    ...arrows.flatMap(labelOf),
    '</svg>',
  ].join('\n')}\n`
}

const LIGHT: Readonly<Record<string, string>> = {
  ground: '#fff',
  ink: '#1b1f24',
  soft: '#57606a',
  line: '#6e7781',
  fill: '#f3f5f8',
  box: '#8c959f22',
  blue: '#0550ae',
  violet: '#7a3ea3',
}
const variables = Object.entries(LIGHT)
  .map(([name, colour]) => `--${name}:${colour}`)
  .join(';')

const STYLE = `
svg{color-scheme:light dark;${variables}}
@media (prefers-color-scheme:dark){svg{--ground:#16191e;--ink:#e6edf3;--soft:#9aa4af;--line:#8b949e;--fill:#232830;--box:#8c959f1a;--blue:#79b8ff;--violet:#d2a8ff}}
text{font:11px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink);white-space:pre}
.ground{fill:var(--ground)}.title{font-weight:700}.note{fill:var(--soft);font-style:italic}.deed,.effect{fill:var(--violet)}.guard{fill:var(--blue)}
.state>rect,.final>rect{fill:var(--fill);stroke:var(--line)}.compound>rect,.region>rect{fill:var(--box);stroke:var(--line)}
.region>rect,.any>rect{stroke-dasharray:5 4}.any>rect{fill:none;stroke:var(--line)}.initial>circle,.head{fill:var(--line)}
.arrow{fill:none;stroke:var(--line);stroke-width:1.2}.label rect{fill:var(--ground);opacity:.82}`
  .trim()
  .replace(/\n/g, '')
  // First the plain colour, for readers that know no variables.
  .replace(/(fill|stroke):var\(--(\w+)\)/g, (whole, property, name) => `${property}:${LIGHT[name]};${whole}`)

function boxOf({ id, kind, lines, x, y, width, height }: Box): string {
  if (kind === 'initial') return `<g class="initial"><circle cx="${x + width / 2}" cy="${y + height / 2}" r="${width / 2}"/></g>`
  const frame = (inset: number) =>
    `<rect x="${x + inset}" y="${y + inset}" width="${width - 2 * inset}" height="${height - 2 * inset}" rx="${7 - inset}"/>`
  const frames = kind === 'final' ? frame(0) + frame(3) : frame(0)
  const data = kind === 'any' ? '' : ` data-state="${escaped(id)}"`
  return `<g class="${kind}"${data}>${frames}${linesOf(lines, x + PADDING, y + PADDING / 2)}</g>`
}

function arrowOf({ source, parts, points }: Arrow): string {
  const path = points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('')
  const data = source === null ? '' : dataOf(source, parts.map(({ index }) => index).join(' '))
  return `<path class="arrow"${data} d="${path}" marker-end="url(#head)"/>`
}

function labelOf({ source, parts, label }: Arrow): readonly string[] {
  if (!label || source === null) return []
  const { x, y, width } = label
  let above = 0
  return parts.map(({ index, lines }) => {
    const top = y + above * LINE_HEIGHT
    above += lines.length
    const ground = `<rect x="${round(x)}" y="${round(top)}" width="${width}" height="${lines.length * LINE_HEIGHT}" rx="3"/>`
    return `<g class="label"${dataOf(source, String(index))}>${ground}${linesOf(lines, x + PADDING, top)}</g>`
  })
}

const linesOf = (lines: readonly Line[], x: number, y: number): string =>
  lines
    .map(
      ({ text, style }, at) => `<text class="${style}" x="${round(x)}" y="${round(y + (at + 0.78) * LINE_HEIGHT)}">${escaped(text)}</text>`,
    )
    .join('')

const dataOf = (source: string, indexes: string): string => ` data-source="${escaped(source)}" data-index="${indexes}"`

const round = (value: number): number => Math.round(value * 10) / 10

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, character => ENTITIES[character] ?? character)
