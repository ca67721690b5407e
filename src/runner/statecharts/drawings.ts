/** The drawings as files: written, or compared with those that are there. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { charts } from './charts.ts'
import { configJson } from './config-json.ts'
import { mermaid } from './mermaid.ts'
import { svg } from './svg.ts'

const DRAWING = /\.(json|mmd|svg)$/

/** Content by file name. */
export async function drawings(): Promise<ReadonlyMap<string, string>> {
  const drawn = new Map<string, string>()
  for (const [name, machine] of Object.entries(charts)) {
    drawn.set(`${name}.json`, configJson(machine))
    drawn.set(`${name}.mmd`, mermaid(machine))
    drawn.set(`${name}.svg`, await svg(name, machine))
  }
  return drawn
}

export async function writeDrawings(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  const all = await drawings()
  for (const [name, content] of all) await writeFile(join(folder, name), content)
  return [...all.keys()]
}

export type Staleness = { readonly name: string; readonly why: 'missing' | 'stale' | 'not a chart any more' }

export async function staleDrawings(folder: string): Promise<readonly Staleness[]> {
  const stale: Staleness[] = []
  const all = await drawings()
  for (const [name, content] of all) {
    const found = await readIfThere(join(folder, name))
    if (found !== content) stale.push({ name, why: found === null ? 'missing' : 'stale' })
  }
  const there = await readdir(folder).catch(() => [])
  const unknown = there.filter(name => DRAWING.test(name) && !all.has(name))
  return [...stale, ...unknown.map(name => ({ name, why: 'not a chart any more' as const }))]
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
