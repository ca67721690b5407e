/** Whose work the gateway's thread did, from the profile that Node writes of it. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

/** What Node is started with, so that it leaves a profile in this folder when it ends; a sample each millisecond. */
export const profiledInto = (folder: string): readonly string[] => ['--cpu-prof', '--cpu-prof-interval=1000', `--cpu-prof-dir=${folder}`]

/** Times are µs of the machine's monotonic clock. */
const cpuProfile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ url: z.string() }), children: z.array(z.number()).optional() })),
  startTime: z.number(),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
})

export interface Folders {
  /** Where Node left the profiles of its threads; the main one has done the most. */
  readonly profiles: string
  readonly host: string
  /** Whatever is below it is ours: the plugin and all that it depends on. */
  readonly plugin: string
}

/**
 * How long the host was at work between two moments, wall clock ms. Only what certainly is the host's counts: one of its functions is on
 * the stack, and none of the plugin's. Idle time, garbage collection and Node's own work are not the host's.
 */
export async function hostWork(folders: Folders): Promise<(fromMs: number, toMs: number) => number> {
  const { nodes, startTime, samples, timeDeltas } = cpuProfile.parse(JSON.parse(await readFile(await largest(folders.profiles), 'utf8')))
  const below = async (folder: string) => `${pathToFileURL(await realpath(folder)).href}/`
  const [host, plugin] = [await below(folders.host), await below(folders.plugin)]
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id] as const)))
  const urls = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.url]))
  const isHosts = (sample: number) => {
    const stack: string[] = []
    for (let at: number | undefined = sample; at !== undefined; at = callers.get(at)) stack.push(urls.get(at) ?? '')
    return stack.some(url => url.startsWith(host)) && !stack.some(url => url.startsWith(plugin))
  }
  const hosts = new Set(nodes.map(({ id }) => id).filter(isHosts))
  const wallAheadMs = Date.now() - Number(process.hrtime.bigint()) / 1e6
  const spans: { readonly fromMs: number; readonly toMs: number }[] = []
  let atUs = startTime
  for (const [nth, id] of samples.entries()) {
    atUs += timeDeltas[nth] ?? 0
    const fromMs = atUs / 1_000 + wallAheadMs
    if (hosts.has(id)) spans.push({ fromMs, toMs: fromMs + (timeDeltas[nth + 1] ?? 0) / 1_000 })
  }
  return (fromMs, toMs) => spans.reduce((sum, span) => sum + Math.max(0, Math.min(toMs, span.toMs) - Math.max(fromMs, span.fromMs)), 0)
}

async function largest(folder: string): Promise<string> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(async name => ({ path: join(folder, name), ...(await stat(join(folder, name))) })),
  )
  const [first] = sizes.toSorted((a, b) => b.size - a.size)
  if (!first)
    throw new Error(`There is no profile in ${folder}; Node writes it when it ends by itself, within the time that it has to stop.`)
  return first.path
}
