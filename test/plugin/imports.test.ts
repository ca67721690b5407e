import { readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const STATIC = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?'([^']+)'/gm

/** What a look at the plugin loads: everything that is imported at once, and nothing that waits for `import()`. */
function loadedBy(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>()
  const follow = (path: string) => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const [statement, specifier = ''] of readFileSync(join(ROOT, path), 'utf8').matchAll(STATIC)) {
      const names = /\{([\s\S]*)\}/.exec(statement)?.[1]?.split(',') ?? ['value']
      if (names.every(name => name.trim() === '' || name.trim().startsWith('type '))) continue
      if (specifier.startsWith('.')) follow(normalize(join(path, '..', specifier)))
      else loaded.add(specifier)
    }
  }
  follow(entry)
  return loaded
}

test.each(['src/plugin/index.ts', 'src/plugin/setup-entry.ts'])(
  '%s loads no client, no store, no statechart: a channel that is off or not set up costs none of them',
  entry => {
    const loaded = loadedBy(entry)

    expect(loaded).toContain('src/plugin/channel.ts')
    expect(
      [...loaded].filter(name =>
        /^(?:undici|xstate|rxjs|pino|lowdb|commander|yaml|json5|node:(?:fs|http|net|tls|child_process).*)$/.test(name),
      ),
    ).toEqual([])
    expect([...loaded].filter(name => /^(?:machines|src\/(?:runtime|runner|inspector|simulator|adapters\/(?!clock)))/.test(name))).toEqual(
      [],
    )
  },
)

test('the contracts that the host reads by name load no channel', () => {
  expect(loadedBy('src/plugin/secret-contract-api.ts')).not.toContain('src/plugin/channel.ts')
  expect(loadedBy('src/plugin/doctor-contract-api.ts')).not.toContain('src/plugin/channel.ts')
})
