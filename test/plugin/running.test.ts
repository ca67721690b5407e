import { expect, test } from 'vitest'
import { createRunningAccounts } from '../../src/plugin/running.ts'

test('a lease is given to one after the other, in order, and each account has its own', async () => {
  const running = createRunningAccounts()
  const order: string[] = []
  const first = await running.lease('work')
  const second = running.lease('work').then(release => {
    order.push('second')
    return release
  })
  await running.lease('play')
  order.push('play')
  first()
  ;(await second)()
  expect(order).toEqual(['play', 'second'])
})

test('an account is closed when nobody holds or waits for its state', async () => {
  const running = createRunningAccounts()
  await running.closed('work')
  const release = await running.lease('work')
  const waiting = running.lease('work')
  const steps: string[] = []
  const closed = running.closed('work').then(() => steps.push('closed'))
  release()
  const last = await waiting
  steps.push('second has it')
  last()
  await closed
  expect(steps).toEqual(['second has it', 'closed'])
})
