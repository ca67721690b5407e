/** Builds dist/ from nothing: tsc writes the code, what is not code is copied beside it, and the inspector's page is bundled. */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'rolldown'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const page = join(root, 'src/inspector/page')
const cli = join(dist, 'src/runner/cli.js')

rmSync(dist, { recursive: true, force: true })

const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

for (const folder of ['src', 'machines']) {
  cpSync(join(root, folder), join(dist, folder), { recursive: true, filter: path => !/\.(ts|md)$/.test(path) && path !== page })
}

const served = join(dist, 'src/inspector/static')
for (const name of ['index.html', 'style.css', 'icon.svg']) cpSync(join(page, name), join(served, name))
for (const name of readdirSync(join(root, 'statecharts')).filter(name => /\.(svg|json)$/.test(name))) {
  cpSync(join(root, 'statecharts', name), join(served, 'charts', name))
}
await build({
  input: join(page, 'main.tsx'),
  tsconfig: join(page, 'tsconfig.json'),
  output: { file: join(served, 'main.js'), format: 'es', minify: true },
  logLevel: 'warn',
})
if (existsSync(cli)) chmodSync(cli, 0o755)

// OpenClaw looks for these two by name, in dist/ itself, to read a config without the rest of the plugin.
for (const contract of ['secret-contract-api', 'doctor-contract-api']) {
  writeFileSync(join(dist, `${contract}.js`), `export * from './src/plugin/${contract}.js'\n`)
}
