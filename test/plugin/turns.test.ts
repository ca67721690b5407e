import { describe, expect, test } from 'vitest'
import { createTurns, type TurnLifecycle } from '../../src/plugin/turns.ts'

/** The host's call under way, and what our runtime hears of it. */
function scene() {
  const turns = createTurns()
  const begun: { lifecycle: TurnLifecycle; end: () => void; fail: (error: Error) => void }[] = []
  const begin = (lifecycle: TurnLifecycle) =>
    new Promise<void>((end, fail) => {
      begun.push({ lifecycle, end, fail })
    })
  const ask = ({ id = 'm1', session = 'alice' }: { id?: string; session?: string | null } = {}) => {
    const stop = new AbortController()
    const adoptions = { count: 0, record: Promise.withResolvers<void>() }
    const turn = {
      adopted: () => {
        adoptions.count += 1
        return adoptions.record.promise
      },
    }
    const outcome = turns.follow(`default/${id}`, session, turn, stop.signal, begin).then(
      () => 'over',
      (error: Error) => `again: ${error.message}`,
    )
    return { outcome, adoptions, stop: () => stop.abort(new Error('stopped')) }
  }
  const state = (promise: Promise<unknown>) => Promise.race([promise, settled().then(() => 'pending')])
  return { begun, ask, turns, state }
}
/** Every promise that can settle has settled. */
const settled = () => new Promise<void>(resolve => setImmediate(resolve))
const first = <T>(all: readonly T[]): T => all[0]!

describe('a turn that begins at once', () => {
  test('goes on when the account stops before it is adopted: the gateway would drop the same message afterwards', async () => {
    const { begun, ask } = scene()
    const { outcome, adoptions, stop } = ask()
    stop()
    adoptions.record.promise.catch(() => {})
    adoptions.record.reject(new Error('given up'))
    await first(begun).lifecycle.onAdopted()
    const again = ask()
    again.adoptions.record.resolve()
    first(begun).end()
    expect(await again.outcome).toBe('over')
    await outcome
    expect(begun).toHaveLength(1)
  })

  test('is over when the host’s call is over', async () => {
    const { begun, ask } = scene()
    const { outcome, adoptions } = ask()
    adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    first(begun).end()
    expect(await outcome).toBe('over')
    expect(adoptions.count).toBe(1)
  })

  test('makes the host wait until the adoption is recorded', async () => {
    const { begun, ask } = scene()
    const { adoptions } = ask()
    const steps: string[] = []
    const hostGoesOn = first(begun)
      .lifecycle.onAdopted()
      .then(() => steps.push('host goes on'))
    steps.push('recorded')
    adoptions.record.resolve()
    await hostGoesOn
    expect(steps).toEqual(['recorded', 'host goes on'])
  })

  test('is tried again when it failed before it was adopted', async () => {
    const { begun, ask } = scene()
    const { outcome } = ask()
    first(begun).fail(new Error('no session'))
    expect(await outcome).toBe('again: no session')
  })

  test('is the host’s to mend when it failed afterwards', async () => {
    const { begun, ask } = scene()
    const { outcome, adoptions } = ask()
    adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    first(begun).fail(new Error('model away'))
    expect(await outcome).toBe('over')
  })

  test('is not over when the host settles it in the middle of its call', async () => {
    const { begun, ask, state } = scene()
    const { outcome, adoptions } = ask()
    adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    first(begun).lifecycle.onSettled()
    expect(await state(outcome)).toBe('pending')
    first(begun).end()
    expect(await outcome).toBe('over')
  })

  test('needs no more when the host ended it without adopting it: it had the message already', async () => {
    const { begun, ask } = scene()
    const { outcome } = ask()
    first(begun).end()
    expect(await outcome).toBe('over')
  })
})

describe('a turn that waits behind another', () => {
  test('is over when the host settles it, long after its call and the adoption', async () => {
    const { begun, ask, state } = scene()
    const { outcome, adoptions } = ask()
    adoptions.record.resolve()
    first(begun).lifecycle.onDeferred()
    first(begun).end()
    await first(begun).lifecycle.onAdopted()
    await settled()
    expect(await state(outcome)).toBe('pending')
    first(begun).lifecycle.onSettled()
    expect(await outcome).toBe('over')
  })

  test('is known as such from its adoption to its end', async () => {
    const { begun, ask, turns } = scene()
    ask().adoptions.record.resolve()
    const states = [turns.isQueuedRun('default/m1')]
    first(begun).lifecycle.onDeferred()
    first(begun).end()
    states.push(turns.isQueuedRun('default/m1'))
    await first(begun).lifecycle.onAdopted()
    states.push(turns.isQueuedRun('default/m1'))
    first(begun).lifecycle.onSettled()
    await settled()
    states.push(turns.isQueuedRun('default/m1'))
    expect(states).toEqual([false, false, true, false])
  })

  test('and that the host gives up is settled, too; which does not make it an end', async () => {
    const { begun, ask } = scene()
    const { outcome } = ask()
    first(begun).lifecycle.onDeferred()
    first(begun).lifecycle.onAbandoned()
    first(begun).lifecycle.onSettled()
    expect(await outcome).toMatch(/^again: /)
  })

  test('is tried again when the host gives it up', async () => {
    const { begun, ask } = scene()
    const { outcome } = ask()
    first(begun).lifecycle.onDeferred()
    first(begun).end()
    await settled()
    first(begun).lifecycle.onAbandoned()
    expect(await outcome).toMatch(/^again: OpenClaw gave the message up/)
  })
})

describe('a message that the turn under way takes in', () => {
  const both = async (second: { session?: string | null }) => {
    const { begun, ask, state } = scene()
    const [running, taken] = [ask(), ask({ id: 'm2', ...second })]
    for (const { adoptions } of [running, taken]) adoptions.record.resolve()
    for (const { lifecycle } of begun) await lifecycle.onAdopted()
    begun[1]!.end()
    await settled()
    const before = await state(taken.outcome)
    first(begun).end()
    return [before, await taken.outcome, await running.outcome]
  }

  test('is over with it: until then it may be in the memory of the process alone', async () => {
    expect(await both({})).toEqual(['pending', 'over', 'over'])
  })

  test('is over with it also when the host queues it on the way there', async () => {
    const { begun, ask, state } = scene()
    const [running, taken] = [ask(), ask({ id: 'm2' })]
    for (const { adoptions } of [running, taken]) adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    const { lifecycle, end } = begun[1]!
    lifecycle.onDeferred()
    await lifecycle.onAdopted()
    lifecycle.onSettled()
    end()
    await settled()
    const before = await state(taken.outcome)
    first(begun).end()
    expect([before, await taken.outcome]).toEqual(['pending', 'over'])
  })

  test('is over at once when it is about that turn only', async () => {
    expect(await both({ session: null })).toEqual(['over', 'over', 'over'])
  })

  test('is over at once when that turn is one of another session', async () => {
    expect(await both({ session: 'bob' })).toEqual(['over', 'over', 'over'])
  })

  test('is over with that turn, and waits for none that stands behind it', async () => {
    const { begun, ask, state } = scene()
    const [running, waiting, taken] = [ask(), ask({ id: 'm2' }), ask({ id: 'm3' })]
    for (const { adoptions } of [running, waiting, taken]) adoptions.record.resolve()
    begun[1]!.lifecycle.onDeferred()
    await first(begun).lifecycle.onAdopted()
    const late = ask({ id: 'm4' })
    late.adoptions.record.resolve()
    await begun[3]!.lifecycle.onAdopted()
    begun[3]!.end()
    first(begun).end()
    begun[2]!.end()
    await settled()
    expect([await state(late.outcome), await state(waiting.outcome)]).toEqual(['over', 'pending'])
  })

  test('is over at once when it was not taken: the gateway had it already', async () => {
    const { begun, ask } = scene()
    ask()
    const { outcome } = ask({ id: 'm2' })
    begun[1]!.end()
    expect(await outcome).toBe('over')
  })
})

describe('when the account stops', () => {
  test('a turn that is not adopted is asked again later, and the host is not told to drop it', async () => {
    const { begun, ask } = scene()
    const { outcome, stop } = ask()
    stop()
    expect(await outcome).toBe('again: stopped')
    expect(first(begun).lifecycle.abortSignal.aborted).toBe(false)
  })

  test('the host does not wait for a record that cannot come any more', async () => {
    const { begun, ask } = scene()
    const { outcome, stop } = ask()
    const adopted = first(begun).lifecycle.onAdopted()
    stop()
    await adopted
    expect(await outcome).toBe('again: stopped')
  })

  test('who asks for the same message again joins its turn, and hears of its adoption', async () => {
    const { begun, ask } = scene()
    const before = ask()
    before.stop()
    await before.outcome
    const after = ask()
    after.adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    first(begun).end()
    expect(await after.outcome).toBe('over')
    expect([begun.length, before.adoptions.count, after.adoptions.count]).toEqual([1, 0, 1])
  })

  test('who asks again after the adoption is told so at once, and waits for the end', async () => {
    const { begun, ask, state } = scene()
    const before = ask()
    void first(begun).lifecycle.onAdopted()
    before.stop()
    await before.outcome
    const after = ask()
    after.adoptions.record.resolve()
    await settled()
    expect([begun.length, after.adoptions.count]).toEqual([1, 1])
    expect(await state(after.outcome)).toBe('pending')
    first(begun).end()
    expect(await after.outcome).toBe('over')
  })
})

describe('who asks what has become of a turn', () => {
  test('waits until it is over', async () => {
    const { begun, ask, turns, state } = scene()
    ask().adoptions.record.resolve()
    await first(begun).lifecycle.onAdopted()
    const ended = turns.ended('default/m1')
    expect(await state(ended)).toBe('pending')
    first(begun).end()
    expect(await ended).toBe(true)
    expect(await turns.ended('default/m1')).toBe(true)
  })

  test('hears that this process had none', async () => {
    expect(await scene().turns.ended('default/m1')).toBe(false)
  })

  test('hears the same of one that was never adopted', async () => {
    const { begun, ask, turns } = scene()
    const { outcome } = ask()
    first(begun).fail(new Error('no session'))
    await outcome
    expect(await turns.ended('default/m1')).toBe(false)
  })
})

test('a turn that is over is forgotten: the next one is begun anew', async () => {
  const { begun, ask } = scene()
  const { outcome } = ask()
  first(begun).fail(new Error('no'))
  await outcome
  ask()
  expect(begun).toHaveLength(2)
})
