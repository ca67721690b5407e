import { expect, test } from 'vitest'
import type { Posts } from '../../../src/cluster/posts.ts'
import { createCluster } from '../../../src/cluster/service/create-cluster.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { AccountSettings } from '../../../src/domain/settings.ts'

const settings = parseConfig({ meshName: 'home', username: 'my-bot' }).accounts[0]!
const clusterOf = (...accounts: readonly AccountSettings[]) =>
  createCluster({ accounts, responder: { respond: async () => null }, posts: () => ({}) as Posts })

test('two accounts of one id, or that are the same bot, are refused, unless one of them is not enabled', () => {
  const other = { ...settings, id: 'other' }

  expect(() => clusterOf(settings, { ...settings, username: 'another-bot' })).toThrow(
    'Two of the accounts have the same id; each needs one of its own.',
  )
  expect(() => clusterOf(settings, other)).toThrow(
    /is the same bot as account "default" \(my-bot on mesh home at .*\) and both would answer/,
  )
  expect(clusterOf(settings, { ...other, enabled: false })).toHaveLength(6)
})
