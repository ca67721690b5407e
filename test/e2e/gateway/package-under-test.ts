import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

const here = import.meta.dirname
const root = join(here, '..', '..', '..')
/** The host refuses an older Node than the one that the project brings. */
const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }
const npm = (folder: string, ...words: readonly string[]) =>
  promisify(execFile)('npm', words, { cwd: folder, env, maxBuffer: 64 * 1_048_576 })

/** Installs OpenClaw where it is missing: a project of its own, because it weighs 886 MB. */
export async function installHost(): Promise<void> {
  if (!existsSync(join(here, 'node_modules', 'openclaw', 'openclaw.mjs'))) await npm(here, 'ci', '--no-audit', '--no-fund')
}

const packed = z.array(z.object({ filename: z.string() }))

/** Where all test files of one process find the same tarball. */
const PACKED = Symbol.for('ztm-chat/e2e/tarball')
type Holder = typeof globalThis & { [PACKED]?: Promise<string> }

/** Packs what was built as it would be published, once. Nothing is built here: other suites may run from dist/ meanwhile. */
export function packPlugin(): Promise<string> {
  const holder: Holder = globalThis
  holder[PACKED] ??= pack()
  return holder[PACKED]
}

async function pack(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-pack-'))
  const { stdout } = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  const [made] = packed.parse(JSON.parse(stdout.slice(stdout.indexOf('['))))
  if (!made) throw new Error(`npm pack made nothing:\n${stdout}`)
  return join(folder, made.filename)
}

/** Faults that the compiler finds in src/plugin when the host's own declarations stand in for ours. */
export async function typeFaults(): Promise<readonly string[]> {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', here], { cwd: root, maxBuffer: 64 * 1_048_576 }).catch(
    (error: { stdout: string }) => error,
  )
  return stdout.split('\n').filter(line => line.startsWith('src/plugin/'))
}
