/** Runs npm scripts at the same time: the first one's output as it comes, that of the others after it. Fails when one of them does. */
import { spawn } from 'node:child_process'

const run = (script: string, isFirst: boolean) =>
  new Promise<{ script: string; code: number; seconds: number; output: string }>(resolve => {
    const beganAt = performance.now()
    const child = spawn('npm', ['run', '--silent', script], { stdio: isFirst ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
    const chunks: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
    child.on('close', code => resolve({ script, code: code ?? 1, seconds: (performance.now() - beganAt) / 1000, output: chunks.join('') }))
  })

const results = await Promise.all(process.argv.slice(2).map((script, at) => run(script, at === 0)))
for (const { output } of results) process.stdout.write(output)
for (const { script, code, seconds } of results)
  console.log(`${script}: ${code === 0 ? 'passed' : `failed (${code})`}, ${seconds.toFixed(0)} s`)
process.exit(Math.max(...results.map(({ code }) => code)))
