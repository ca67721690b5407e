import { expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { withoutTold } from '../../src/runner/open-log.ts'
import { createWorld } from '../../src/simulator/world.ts'

test('where the events are read, too, the log does not say again what they say, and says everything else', async () => {
  const world = createWorld()
  world.bot.agent.down()
  await world.start()
  const { log, lines } = createMemoryLog()
  const own = withoutTold(log).child({ account: 'default' })

  for (const { level, fields, phrase } of world.log) own[level](fields, phrase)
  own.warn({ chat: 'peer:alice' }, 'chat cannot be fetched')

  expect(world.log.map(({ phrase }) => phrase)).toContain('account state')
  expect(lines.map(({ phrase }) => phrase)).not.toContain('account state')
  expect(lines.at(-1)).toMatchObject({ phrase: 'chat cannot be fetched', fields: { account: 'default', chat: 'peer:alice' } })
  await world.stop()
})
