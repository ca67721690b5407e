import { expect, test } from 'vitest'
import { ALL_KINDS } from '../../src/simulator/faults.ts'
import { runScenario } from '../../src/simulator/scenario.ts'
import { type Plan, planOf } from '../../src/simulator/swarm.ts'

const count = Number(process.env['SEEDS'] ?? 16)

const run = async (plan: Plan) => {
  const { violations, trace } = await runScenario(plan)
  expect(violations, trace.join('\n')).toEqual([])
}

test.each(Array.from({ length: count }, (_, n) => n + 1))('seed %i: each message is answered once, whatever goes wrong', seed =>
  run(planOf(seed, false)),
)

test.each(Array.from({ length: Math.ceil(count / 4) }, (_, n) => n + 1))(
  'seed %i: each message that a real mesh has is answered once, whatever its chat app loses',
  seed => run(planOf(seed, true)),
)

/** What they find when it is broken again. Most have a test of their own, too, since a change of what is drawn makes seeds find something else. */
test.each([
  [156, false, 'a stop that came while the mesh was asked left a timer behind'],
  [245, false, 'an apology that was made again stayed a dead letter, and went out empty when that was tried again'],
  [571, false, 'a reply went out before one that an agent that was away had forgotten'],
  [3715, false, 'the failed sync of a folder was told too late, and a record beside it was believed'],
  [30, true, 'a segment came back whose removal had not become durable, and made void what was begun after it'],
] as const)('seed %i (real mesh: %s), in which %s', (seed, real, _) => run(planOf(seed, real)))

test('the same seed gives the same trace, byte for byte', async () => {
  const [one, other] = [await runScenario(planOf(5, true)), await runScenario(planOf(5, true))]

  expect(one.trace.join('\n')).toBe(other.trace.join('\n'))
  expect(one.trace.length).toBeGreaterThan(30)
})

test('in a run nobody asks the real clock, timers or chance, XState and rxjs included', async () => {
  const asked = new Set<string>()
  /** Who asks, unless it is the test runner. */
  const note = (what: string) => {
    const caller = new Error().stack?.split('\n').slice(2, 6).join(' ') ?? ''
    if (/\/(src|machines|xstate|rxjs)\//.test(caller) && !caller.includes('virtual-clock.ts')) asked.add(`${what} ${caller}`)
  }
  const watched = <Name extends string>(owner: { [name in Name]: (...given: never[]) => unknown }, name: Name) => {
    const real: (...given: never[]) => unknown = owner[name]
    owner[name] = (...given) => {
      note(name)
      return real(...given)
    }
    return () => {
      owner[name] = real
    }
  }
  const restore = [
    watched(Date, 'now'),
    watched(Math, 'random'),
    watched(globalThis, 'setTimeout'),
    watched(globalThis, 'setInterval'),
    watched(globalThis, 'setImmediate'),
  ]
  try {
    await runScenario({ ...planOf(7, true), steps: 6 })
  } finally {
    for (const put of restore) put()
  }

  expect([...asked]).toEqual([])
})

test('leaving one kind of fault out changes no other one', async () => {
  const plan = planOf(5, false)
  const kinds = ALL_KINDS.filter(kind => plan.rates[kind] !== undefined)
  expect(kinds.length).toBeGreaterThan(3)
  const { [kinds[0]!]: _, ...rates } = plan.rates

  const [all, fewer] = [await runScenario({ ...plan, steps: 1 }), await runScenario({ ...plan, steps: 1, rates })]

  expect(fewer.messages).toBe(all.messages)
  expect(fewer.counts[kinds[0]!]).toBeUndefined()
})
