import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Results } from '../../bench/kit/table.ts'
import { scenarios } from '../../bench/scenarios.ts'

test('every benchmark runs, and finds figures', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-bench-'))
  const json = join(folder, 'results.json')
  try {
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../bench/main.ts'), '--smoke', '--json', json])

    const found: Results = JSON.parse(await readFile(json, 'utf8'))
    expect(Object.keys(found.scenarios)).toEqual(scenarios.map(({ name }) => name))
    for (const { rows } of Object.values(found.scenarios)) for (const { value } of rows) expect(value).not.toBeNaN()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
