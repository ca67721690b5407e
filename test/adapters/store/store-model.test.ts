import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'
import { openStore } from '../../../src/adapters/store/store.ts'
import type { Loaded, Store, StoredRecord } from '../../../src/ports/store.ts'
import { createLive, type Live, record, restored } from './world.ts'

type Step =
  | { do: 'append'; sizes: number[] }
  | { do: 'compact'; meanwhile: number[] }
  | { do: 'restart' }
  | { do: 'fail sync' }
  | { do: 'fill'; bytes: number }
  | { do: 'make room' }
  /** The power goes after so many more operations, or at the end of the next step. */
  | { do: 'lose power'; after: number }

const batches = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), sizes: batches }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('compact' as const), meanwhile: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fail sync' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill' as const), bytes: fc.integer({ min: 0, max: 800 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'make room' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose power' as const), after: fc.integer({ min: 0, max: 25 }) }) },
)

/**
 * A caller as the runtime is one: it decides, and has the state at once; what was not answered it appends again, as it was.
 * `decided` is all it ever decided, `answered` how much of it was called durable.
 */
class World {
  private readonly random: ReturnType<typeof createSeededRandom>
  private disk: MemoryDisk
  private store!: Store
  private live: Live = createLive()
  private decided: StoredRecord[] = []
  private answered = 0
  /** What earlier lives had decided and nobody was told: until something new is durable, a crash may bring it to light. */
  private forgotten: StoredRecord[][] = []
  private powerLeft = Number.POSITIVE_INFINITY
  private underWay = 0
  private mended = 0
  /** Made different in every life: a record that comes from another life shows. */
  private life = 0

  constructor(seed: number) {
    this.random = createSeededRandom(seed)
    this.disk = createMemoryDisk(this.options())
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.start()
    for (const next of steps) {
      await this.take(next)
      if (this.powerLeft <= 0) await this.restartAfterCrash()
    }
    await this.restartAfterCrash()
    // Whatever happened, it works again.
    await this.append([2])
    await this.store.compact(this.live)
    expect(this.disk.files().filter(file => file.startsWith('journal/') || file.startsWith('damaged/'))).toEqual([])
    await this.restartAfterCrash()
    expect(this.answered).toBe(this.decided.length)
  }

  private options() {
    return {
      random: this.random,
      faults: () => {
        if (this.powerLeft-- <= 0) throw Object.assign(new Error('The power is off.'), { code: 'EIO' })
      },
    }
  }

  private async take(next: Step): Promise<void> {
    switch (next.do) {
      case 'append':
        return this.append(next.sizes)
      case 'compact':
        await Promise.all([this.store.compact(this.live).catch(() => {}), ...next.meanwhile.map(size => this.append([size]))])
        return
      case 'restart':
        await this.store.close()
        return this.start()
      case 'fail sync':
        return this.disk.failNextSync()
      case 'fill':
        return this.disk.fill(next.bytes)
      case 'make room':
        return this.disk.fill(Number.POSITIVE_INFINITY)
      case 'lose power':
        this.powerLeft = next.after
    }
  }

  /** Several batches at once; what an earlier step could not write goes first. */
  private async append(sizes: readonly number[]): Promise<void> {
    const calls: Promise<void>[] = []
    const call = (records: readonly StoredRecord[]) => {
      const last = records.at(-1)?.seq ?? 0
      calls.push(
        this.store.append(records).then(
          () => {
            this.answered = Math.max(this.answered, last)
            this.forgotten = []
          },
          () => {},
        ),
      )
    }
    if (this.underWay === 0 && this.decided.length > this.answered) call(this.decided.slice(this.answered))
    this.underWay++
    for (const size of sizes) {
      const first = this.decided.length + 1
      const batch = Array.from({ length: size }, (_, at) => this.decide(first + at))
      this.decided.push(...batch)
      this.live.apply(batch)
      call(batch)
    }
    await Promise.all(calls)
    this.underWay--
  }

  private decide(seq: number): StoredRecord {
    const key = `peer:${this.random.integer(9)}`
    return record(seq, key, this.random.unit() < 0.15 ? 'forget' : `${seq} of life ${this.life}`)
  }

  private async restartAfterCrash(): Promise<void> {
    this.powerLeft = Number.POSITIVE_INFINITY
    this.disk = this.disk.crash(this.options())
    // Now and then it goes again while the store starts.
    if (this.random.unit() < 0.5) {
      this.powerLeft = this.random.integer(20)
      const store = await openStore({ disk: this.disk, shards: 4, segmentBytes: 400 })
      await store.load().catch(() => {})
      this.powerLeft = Number.POSITIVE_INFINITY
      this.disk = this.disk.crash(this.options())
    }
    await this.start()
  }

  /** What is found must be a beginning of what was decided, with all that was answered in it. */
  private async start(): Promise<void> {
    const loaded = await this.loadWhateverItTakes()
    expect(loaded.problems).toEqual([])
    expect(loaded.lastSeq).toBeGreaterThanOrEqual(this.answered)
    this.live = restored(loaded)
    const lives = [this.decided, ...this.forgotten].map(life => life.slice(0, loaded.lastSeq))
    const found = lives.find(life => this.isWhatWasFound(life, loaded))
    expect(found, `${inspect(loaded)} is none of ${inspect(lives)}`).toBeDefined()
    if (this.decided.length > loaded.lastSeq) this.forgotten.push(this.decided)
    this.decided = found ?? []
    this.answered = loaded.lastSeq
    this.life++
    this.mended = 0
  }

  private isWhatWasFound(life: readonly StoredRecord[], { lastSeq, tail }: Loaded): boolean {
    const expected = createLive()
    expected.apply(life)
    return (
      life.length === lastSeq &&
      isDeepStrictEqual(this.live.values(), expected.values()) &&
      tail.every(({ changes, ...rest }) => {
        const { changes: all, ...whole } = life[rest.seq - 1]!
        return isDeepStrictEqual(rest, whole) && (changes.length === 0 || isDeepStrictEqual(changes, all))
      })
    )
  }

  private async loadWhateverItTakes(): Promise<Loaded> {
    this.store = await openStore({ disk: this.disk, shards: 4, segmentBytes: 400 })
    try {
      return await this.store.load()
    } catch (cause) {
      // Each of the three can be in the way once: the power, the room, the sync that was told to fail.
      if (this.mended++ === 3) throw cause
      if (this.powerLeft <= 0) this.disk = this.disk.crash(this.options())
      this.powerLeft = Number.POSITIVE_INFINITY
      this.disk.fill(Number.POSITIVE_INFINITY)
      return this.loadWhateverItTakes()
    }
  }
}

test('whatever happens to the disk, a start finds what was answered, and nothing but whole records that follow it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), async (steps, seed) => {
      await new World(seed).run(steps)
    }),
    { numRuns: 400, seed: 20_261_124 },
  )
}, 60_000)
