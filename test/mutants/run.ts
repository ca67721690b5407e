/** `npm run mutants`: breaks each guarantee in a copy of the project, and shows which test notices. */
import { spawn, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { halfOf, MUTANTS, type Mutant } from './table.ts'

const ROOT = join(import.meta.dirname, '../..')
const RUN_MS_MAX = 120_000
/** Copies that work at the same time. */
const COPIES_MAX = 2
/** Tests that look at the text of the source would see every edit. */
const { values, positionals } = parseArgs({
  // `--half`: which one, the commit says; all of them take too long for each.
  options: { json: { type: 'boolean', default: false }, half: { type: 'boolean', default: false } },
  allowPositionals: true,
})

type Report = {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly Assertion[]; readonly message: string }[]
}
type Assertion = { readonly status: string; readonly fullName: string }
type Outcome =
  | { readonly kind: 'green' }
  | { readonly kind: 'red'; readonly by: string }
  /** No test failed, and it did not pass either. */
  | { readonly kind: 'broken'; readonly why: string }

const headCommit = (): string => spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim()

/** What git knows of, and what is new; never what is built or installed. */
async function copyProject(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'ztm-chat-mutants-'))
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`)
  for (const name of listed.stdout.split('\0').filter(name => name !== '' && !name.startsWith('test/e2e/gateway/'))) {
    await mkdir(dirname(join(copy, name)), { recursive: true })
    await cp(join(ROOT, name), join(copy, name)).catch(error => {
      // Deleted, and not committed yet.
      if (error.code !== 'ENOENT') throw error
    })
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

async function runTests(copy: string, tests: readonly string[]): Promise<Outcome> {
  const output = join(copy, 'report.json')
  await rm(output, { force: true })
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', '--bail=1', '--reporter=json', `--outputFile=${output}`, ...tests], {
    cwd: copy,
    stdio: 'ignore',
    // A group of its own: what is given up takes its workers with it.
    detached: true,
  })
  const killed = new AbortController()
  const timer = setTimeout(() => {
    killed.abort()
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, RUN_MS_MAX)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(timer)
  if (killed.signal.aborted) return { kind: 'broken', why: `no end within ${RUN_MS_MAX / 1_000} s` }
  const text = await readFile(output, 'utf8').catch(() => null)
  if (text === null) return { kind: 'broken', why: `vitest ended with ${code} and no report` }
  const { testResults } = JSON.parse(text) as Report
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed')
    if (failed) return { kind: 'red', by: `${name.slice(copy.length + 1)}: ${failed.fullName}` }
  }
  const unread = testResults.find(({ assertionResults }) => assertionResults.length === 0)
  if (unread) return { kind: 'broken', why: unread.message.split('\n')[0] ?? '' }
  return code === 0 ? { kind: 'green' } : { kind: 'broken', why: `vitest ended with ${code}` }
}

async function apply(copy: string, { file, from, to }: Mutant): Promise<() => Promise<void>> {
  const path = join(copy, file)
  const text = await readFile(path, 'utf8')
  const times = text.split(from).length - 1
  if (times !== 1) throw new Error(`its edit applies ${times} times to ${file}; expected once`)
  await writeFile(
    path,
    text.replace(from, () => to),
  )
  return () => writeFile(path, text)
}

type Verdict = { readonly mutant: Mutant; readonly caught: boolean; readonly says: string; readonly ms: number }

async function judge(copy: string, mutant: Mutant): Promise<Verdict> {
  const startedAtMs = performance.now()
  const verdict = (caught: boolean, says: string): Verdict => ({ mutant, caught, says, ms: performance.now() - startedAtMs })
  let undo: () => Promise<void>
  try {
    undo = await apply(copy, mutant)
  } catch (error) {
    return verdict(false, error instanceof Error ? error.message : String(error))
  }
  try {
    const outcome = await runTests(copy, mutant.tests)
    if (outcome.kind === 'red') return verdict(true, outcome.by)
    return verdict(false, outcome.kind === 'green' ? `SURVIVED ${mutant.tests.join(' ')}` : outcome.why)
  } finally {
    await undo()
  }
}

const named = MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.some(word => name.includes(word)))
const chosen = values.half ? halfOf(named, headCommit()) : named
if (chosen.length === 0) {
  console.error(`No mutant has ${positionals.map(word => JSON.stringify(word)).join(' or ')} in its name; test/mutants/table.ts has them.`)
  process.exit(2)
}
if (values.half) console.log(`${chosen.length} of ${named.length} mutants, by the commit; "npm run mutants" breaks all.`)
const copies = await Promise.all(Array.from({ length: Math.min(COPIES_MAX, availableParallelism(), chosen.length) }, copyProject))
process.exitCode = 1
try {
  const all = [...new Set(chosen.flatMap(({ tests }) => tests))]
  const before = await runTests(copies[0]!, all)
  if (before.kind !== 'green') {
    console.error(`Without any mutant the tests do not pass: ${before.kind === 'red' ? before.by : before.why}`)
  } else {
    const left = [...chosen]
    const verdicts: Verdict[] = []
    const work = async (copy: string) => {
      for (let mutant = left.shift(); mutant; mutant = left.shift()) {
        const found = await judge(copy, mutant)
        verdicts.push(found)
        if (values.json)
          console.log(JSON.stringify({ name: mutant.name, caught: found.caught, says: found.says, ms: Math.round(found.ms) }))
        else console.log(`${found.caught ? 'caught' : 'NOT CAUGHT'}  ${mutant.name.padEnd(64)}  ${found.says}`)
      }
    }
    await Promise.all(copies.map(work))
    const missed = verdicts.filter(({ caught }) => !caught)
    console.log(`${verdicts.length - missed.length} of ${verdicts.length} mutants were caught.`)
    process.exitCode = missed.length === 0 ? 0 : 1
  }
} finally {
  await Promise.all(copies.map(copy => rm(copy, { recursive: true, force: true })))
}
