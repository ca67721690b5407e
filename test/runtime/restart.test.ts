import { describe, expect, test } from 'vitest'
import { createWorld } from '../../src/simulator/world.ts'

describe('a restart', () => {
  test('answers nothing twice', async () => {
    const world = createWorld()
    await world.start()
    for (const user of ['alice', 'bob']) await world.mesh.user(user).says('hi')
    await world.settle()

    await world.stop()
    await world.start()
    await world.settle(120_000)
    await world.crash()
    await world.start()
    await world.settle(600_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    expect(world.answers('bob')).toEqual(['echo: hi'])
    await world.stop()
  })

  test('finds what was written while nothing ran, also by a sender whose clock is two hours behind', async () => {
    const world = createWorld()
    world.mesh.user('alice')
    world.mesh.user('bob', { skewMs: -2 * 3_600_000 })
    await world.start()
    await world.mesh.user('alice').says('before')
    await world.settle(60_000)
    await world.stop()

    await world.mesh.user('alice').says('meanwhile')
    await world.mesh.user('bob').says('meanwhile, too')
    await world.settle(48 * 3_600_000)
    await world.start()
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: before', 'echo: meanwhile'])
    expect(world.answers('bob')).toEqual(['echo: meanwhile, too'])
    await world.stop()
  })

  test('after an outage of three days answers what was written then and now, by the dozen and whatever its date', async () => {
    const world = createWorld()
    world.mesh.user('alice')
    await world.start()
    await world.settle(60_000)
    await world.stop()
    const texts: string[] = []
    for (let n = 0; n < 120; n++) {
      texts.push(`day ${n}`)
      await world.mesh.user('alice').says(`day ${n}`)
      await world.settle((3 * 24 * 3_600_000) / 120)
    }

    await world.start()
    await world.settle(5 * 60_000)

    expect(world.answers('alice')).toEqual(texts.map(text => `echo: ${text}`))
    await world.stop()
  })

  test('after the state was lost answers nothing that the mesh shows as answered', async () => {
    const world = createWorld()
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle()
    await world.stop()

    const fresh = createWorld()
    expect(fresh.answers('alice')).toEqual([])
    await world.crash()
    for (const path of world.disk().files()) await world.disk().remove(path)
    await world.start()
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})

describe('at the very first start', () => {
  test('what is older than firstSync is history; what is newer is answered', async () => {
    const world = createWorld({ config: { firstSync: '5 min' } })
    await world.mesh.user('alice').says('long ago')
    await world.settle(10 * 60_000)
    await world.mesh.user('alice').says('just now')
    await world.settle(1_000)

    await world.start()
    await world.settle(60_000)

    expect(world.answers('alice')).toEqual(['echo: just now'])
    await world.stop()
  })
})

describe('a crash', () => {
  test.each([0, 5, 20, 100, 500, 1_200, 2_000])('%i ms after a message loses nothing and answers once', async afterMs => {
    const world = createWorld({ seed: afterMs + 1, config: { pollInterval: 200 } })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle(afterMs)

    await world.crash()
    await world.settle(1_000)
    await world.start()
    await world.settle(180_000)

    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })

  test('while the responder works asks again under the same id', async () => {
    const asked: string[] = []
    const world = createWorld({
      responder: {
        respond: async ({ messageId, text }) => {
          asked.push(messageId)
          return asked.length === 1 ? new Promise(() => {}) : `echo: ${text}`
        },
      },
    })
    await world.start()
    await world.mesh.user('alice').says('hi')
    await world.settle()
    await world.crash()
    await world.start()
    await world.settle()

    expect(asked).toEqual([asked[0], asked[0]])
    expect(world.answers('alice')).toEqual(['echo: hi'])
    await world.stop()
  })
})
