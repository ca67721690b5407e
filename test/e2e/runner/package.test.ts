/** The tarball as a stranger gets it: installed into an empty project, run, imported, compiled against. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../../docs/markdown.ts'
import { sourcesIn } from '../../tidy/source.ts'
import { packPlugin } from '../gateway/package-under-test.ts'

const run = promisify(execFile)
/** A Node that will do, which is not necessarily the machine's. */
const env = { ...process.env, PATH: [join(ROOT, 'node_modules', 'node', 'bin'), process.env.PATH].join(delimiter), NODE_NO_WARNINGS: '1' }
let project: string
const here = (program: string, ...words: readonly string[]) => run(program, words, { cwd: project, env, maxBuffer: 16 * 1_048_576 })

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'ztm-chat-installed-'))
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }\n')
  await here('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', await packPlugin())
})

afterAll(() => rm(project, { recursive: true, force: true }))

const installed = () => join(project, 'node_modules', 'openclaw-ztm-chat')

test('the command says which version it is, and draws nothing else in', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))

  expect((await here(join(project, 'node_modules/.bin/ztm-chat'), '--version')).stdout).toBe(`${version}\n`)
  const names = await readdir(join(project, 'node_modules'))
  expect(names).not.toContain('openclaw')
  expect(names).not.toContain('@restatedev')
  expect(names.filter(name => !name.startsWith('.')).length).toBeLessThan(40)
})

test.each(['serve', 'feed'])('%s, which needs more than was installed, says what', async name => {
  await writeFile(join(project, 'bot.json'), '{ "meshName": "home", "username": "my-bot" }\n')
  const secret = { ...env, ZTM_CHAT_CLUSTER_SECRET: 'sixteen characters' }
  const command = join(project, 'node_modules/.bin/ztm-chat')
  const ended = await run(command, [name, '--config', 'bot.json'], { cwd: project, env: secret, timeout: 30_000 }).catch(
    (error: unknown) => error,
  )

  expect(ended).toMatchObject({
    code: 2,
    stderr: 'ztm-chat: The SDK of Restate is not installed; add it beside this package: npm install @restatedev/restate-sdk\n',
  })
})

test('a conversation goes through it: the demo, with its page', async () => {
  const { stdout } = await here(join(project, 'node_modules/.bin/ztm-chat'), 'demo', '--json')

  expect(stdout).toContain('echo: Hello! Are you there?')
  expect(await readdir(join(installed(), 'dist/src/inspector/static'))).toContain('main.js')
})

test('what was built is what there is in the source, and no more', async () => {
  const built = (await readdir(join(installed(), 'dist'), { recursive: true })).filter(name => /^(src|machines)\/.*\.js$/.test(name))
  const sources = sourcesIn('src', 'machines')
    .map(({ path }) => path)
    .filter(path => !path.endsWith('.d.ts') && !path.startsWith('src/inspector/page/'))

  expect(built.filter(name => !name.startsWith('src/inspector/static/')).toSorted()).toEqual(
    sources.map(path => path.replace(/\.ts$/, '.js')).toSorted(),
  )
})

test('the library and its testing entry can be imported, and nothing else of it', async () => {
  const names = async (entry: string) => {
    const { stdout } = await here(
      'node',
      '--input-type=module',
      '--eval',
      `console.log(JSON.stringify(Object.keys(await import('${entry}'))))`,
    )
    return JSON.parse(stdout) as readonly string[]
  }

  expect(await names('openclaw-ztm-chat')).toContain('createRuntime')
  expect(await names('openclaw-ztm-chat/testing')).toContain('createWorld')
  await expect(names('openclaw-ztm-chat/dist/src/runner/main.js')).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('the examples of the library compile against its declarations, and the tests among them pass', async () => {
  await cp(join(installed(), 'docs/examples'), project, { recursive: true })
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
    skipLibCheck: true,
  }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))

  const { stdout } = await here('node', join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.').catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
  expect((await here('node', '--test', '--test-reporter=tap')).stdout).toMatch(/^# fail 0$/m)
})
