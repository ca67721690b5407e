import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { halfOf, MUTANTS } from './table.ts'

const ROOT = join(import.meta.dirname, '../..')

test.each(MUTANTS)('the mutant "$name" can still be made of the source', ({ file, from, to, tests }) => {
  expect(readFileSync(join(ROOT, file), 'utf8').split(from)).toHaveLength(2)
  expect(to).not.toBe(from)
  for (const path of tests) expect(readFileSync(join(ROOT, path), 'utf8')).not.toBe('')
})

test('commits of both kinds break all mutants, each of them half', () => {
  const [even, odd] = [halfOf(MUTANTS, 'a3f5e0c'), halfOf(MUTANTS, 'a3f5e0f')]

  expect(Math.abs(even.length - odd.length)).toBeLessThanOrEqual(1)
  expect(new Set([...even, ...odd])).toEqual(new Set(MUTANTS))
})
