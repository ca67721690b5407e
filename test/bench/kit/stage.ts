/** The processes of a benchmark, and the floor under all of them. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { request } from 'undici'
import type { handlers as botHandlers } from '../processes/bot.ts'
import type { handlers as engineHandlers } from '../processes/engine.ts'
import type { MeshKind, handlers as meshHandlers } from '../processes/mesh.ts'
import { botName } from '../processes/names.ts'
import type { handlers as loopHandlers } from '../processes/plain-loop.ts'
import { type Child, start } from './child.ts'

const fileOf = (name: string) => new URL(`../processes/${name}.ts`, import.meta.url)

export type Defer = (end: () => Promise<unknown>) => void
export type Mesh = Child<typeof meshHandlers>
export type Bot = Child<typeof botHandlers>
export type Engine = Child<typeof engineHandlers>

export async function openMesh(
  defer: Defer,
  kind: MeshKind,
  options: { bots?: number; chats?: number } = {},
): Promise<{ mesh: Mesh; urls: readonly string[] }> {
  const mesh = start<typeof meshHandlers>(fileOf('mesh'))
  defer(() => mesh.end())
  return { mesh, urls: await mesh.call('open', kind, options) }
}

export async function openFolder(defer: Defer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-bench-'))
  defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function openBot(defer: Defer, nodeOptions: readonly string[] = []): Bot {
  const bot = start<typeof botHandlers>(fileOf('bot'), nodeOptions)
  defer(() => bot.end())
  return bot
}

export function openEngine(defer: Defer): Engine {
  const engine = start<typeof engineHandlers>(fileOf('engine'))
  defer(() => engine.end())
  return engine
}

/** A mesh of its own, with the plain loop on it. */
export async function openLoop(defer: Defer, kind: MeshKind): Promise<Mesh> {
  const { mesh, urls } = await openMesh(defer, kind)
  const loop = start<typeof loopHandlers>(fileOf('plain-loop'))
  defer(() => loop.end())
  await loop.call('start', urls[0] ?? '', botName(0))
  return mesh
}

const FLOOR_RUNS = 300
/** Of a record of a short message. */
const RECORD_BYTES = 300

/** One HTTP round trip to the agent's process and one durable record, ms. */
export async function floorOf(defer: Defer, url: string): Promise<{ readonly p50: number; readonly p99: number }> {
  const folder = await openFolder(defer)
  const file = await open(join(folder, 'floor'), 'a')
  const histogram = createHistogram()
  const record = Buffer.alloc(RECORD_BYTES, 'x')
  for (let run = 0; run < FLOOR_RUNS; run++) {
    const beganAt = performance.now()
    await (await request(`${url}/api/version`)).body.dump()
    await file.write(record)
    await file.datasync()
    histogram.record(Math.max(1, Math.round((performance.now() - beganAt) * 1000)))
  }
  await file.close()
  return { p50: histogram.percentile(50) / 1000, p99: histogram.percentile(99) / 1000 }
}
