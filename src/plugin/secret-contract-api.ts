/** Which options may be secret references. OpenClaw looks for this file by its name, and resolves them before an account starts. */
import {
  type ChannelAccountPredicate,
  collectNestedChannelFieldAssignments,
  createChannelSecretTargetRegistryEntries,
  getChannelSurface,
  type ResolverContext,
  type SecretDefaults,
} from 'openclaw/plugin-sdk/channel-secret-basic-runtime'
import { CHANNEL_ID } from './names.ts'

const FIELDS = ['ca', 'cert', 'key']
const PATHS = FIELDS.map(field => `tls.${field}`)

export const secretTargetRegistryEntries = createChannelSecretTargetRegistryEntries({
  channelKey: CHANNEL_ID,
  account: PATHS,
  channel: PATHS,
})

export function collectRuntimeConfigAssignments({
  config,
  defaults,
  context,
}: {
  config: { channels?: Record<string, unknown> }
  defaults: SecretDefaults | undefined
  context: ResolverContext
}): void {
  const found = getChannelSurface(config, CHANNEL_ID)
  if (found === null) return
  const { channel, surface } = found
  const hasOwnTls: ChannelAccountPredicate = ({ account }) => account.tls !== undefined && account.tls !== null
  for (const field of FIELDS) {
    collectNestedChannelFieldAssignments({
      channelKey: CHANNEL_ID,
      nestedKey: 'tls',
      field,
      channel,
      surface,
      defaults,
      context,
      topLevelActive: surface.channelEnabled && !surface.hasExplicitAccounts,
      topLevelInheritedAccountActive: entry => entry.enabled && !hasOwnTls(entry),
      topInactiveReason: `no enabled account of ${CHANNEL_ID} uses the root's tls.${field}.`,
      accountActive: ({ enabled }) => enabled,
      accountInactiveReason: `the account of ${CHANNEL_ID} is switched off.`,
    })
  }
}
