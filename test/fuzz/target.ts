/** One parser under fire: what it is given, and what must hold whatever it is given. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { unpolluted } from './invariants.ts'

export type Target = {
  readonly name: string
  /** Executions in `npm test`; a dear one has few. */
  readonly runs: number
  /** Inputs that once found something, or that are hard to hit; tried first. */
  readonly corpus: readonly unknown[]
  /** Rejects with what was found. Executions are told as they happen. */
  fuzz(options: { readonly runs: number; readonly seed: number; readonly onRun: (ms: number) => void }): Promise<void>
}

type Options<Input> = {
  readonly name: string
  readonly runs?: number
  /** Plain JSON, so that a finding can be kept in the corpus. */
  readonly input: fc.Arbitrary<Input>
  /** Throws when something does not hold. */
  readonly check: (input: Input) => void | Promise<void>
}

const RUNS = 100

export function target<Input>({ name, runs = RUNS, input, check }: Options<Input>): Target {
  const corpus = corpusOf(name) as Input[]
  return {
    name,
    runs,
    corpus,
    async fuzz({ runs: numRuns, seed, onRun }) {
      const property = fc.asyncProperty(input, async one => {
        const startedMs = performance.now()
        try {
          await check(one)
        } finally {
          onRun(performance.now() - startedMs)
        }
        unpolluted()
      })
      await fc.assert(property, { numRuns: numRuns + corpus.length, seed, examples: corpus.map(one => [one]) })
    },
  }
}

/** `test/fuzz/corpus.json`: by the name of the parser. */
const kept = JSON.parse(readFileSync(new URL('corpus.json', import.meta.url), 'utf8')) as Readonly<Record<string, readonly unknown[]>>

const corpusOf = (name: string): readonly unknown[] => (Object.hasOwn(kept, name) ? (kept[name] ?? []) : [])

/** Names in the corpus, so that a test can tell one that no parser has. */
export const corpusNames = (): readonly string[] => Object.keys(kept)
