import { expect, test } from 'vitest'
import { nearest } from '../../src/domain/nearest.ts'

test.each<[string, readonly string[], readonly string[]]>([
  ['Alice', ['bob', 'malice', 'alice'], ['alice', 'malice']],
  ['alcie', ['malice', 'alice', 'zoe'], ['alice']],
  ['dora', ['d', 'doras', 'dorb', 'dorc', 'dora2', 'dorab'], ['dora2', 'dorab', 'doras']],
  ['al', ['bob', 'zed'], []],
  ['zachary', ['alice'], []],
  ['x', [], []],
])('of the names nearest to %s among %j, those that may be meant: %j', (input, known, expected) => {
  expect(nearest(input, known)).toEqual(expected)
})
