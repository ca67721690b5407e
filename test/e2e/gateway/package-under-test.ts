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

/** Builds and packs the project as it would be published. `ZTM_CHAT_TARBALL` names one that is packed already. */
export async function packPlugin(): Promise<string> {
  if (process.env.ZTM_CHAT_TARBALL) return process.env.ZTM_CHAT_TARBALL
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-pack-'))
  const { stdout } = await npm(root, 'pack', '--json', '--pack-destination', folder)
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
