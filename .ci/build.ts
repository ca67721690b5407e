/** Builds dist/ from nothing: tsc writes the code, and what is not code (pages, style sheets) is copied beside it. */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const cli = join(dist, 'src/runner/cli.js')

rmSync(dist, { recursive: true, force: true })

const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

for (const folder of ['src', 'machines']) {
  cpSync(join(root, folder), join(dist, folder), { recursive: true, filter: path => !/\.(ts|md)$/.test(path) })
}
if (existsSync(cli)) chmodSync(cli, 0o755)

// OpenClaw looks for these two by name, in dist/ itself, to read a config without the rest of the plugin.
for (const contract of ['secret-contract-api', 'doctor-contract-api']) {
  writeFileSync(join(dist, `${contract}.js`), `export * from './src/plugin/${contract}.js'\n`)
}
