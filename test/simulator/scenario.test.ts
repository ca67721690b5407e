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

/** What they found, before it was mended. */
test.each([
  [13, 'a clock set back made a chat of today look like history'],
  [48, 'a clock set back kept unconfirmed posts waiting for as long as it had been set back'],
  [15, 'a stop left the timer of its grace behind'],
  [36, 'a stop left the time-out of a responder behind that ignores its signal'],
])('seed %i, in which %s', seed => run(planOf(seed, false)))

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
