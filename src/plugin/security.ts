/** What OpenClaw's `security audit` and `doctor` are told about an account: whom it lets in, and over what it talks. */
import { isLoopback, isPlainHttp } from '../domain/config.ts'
import type { PluginAccount } from './accounts.ts'
import type { SecurityFinding } from './host.ts'
import { CHANNEL_ID } from './names.ts'

type Severity = SecurityFinding['severity']

export function securityFindings({ accountId, settings }: PluginAccount): SecurityFinding[] {
  if (settings === null) return []
  const { dmPolicy, allowFrom, enableGroups, groupPolicy, requireMention, groupPermissions, agentUrl } = settings
  const at = `Account "${accountId}"`
  const finding = (check: string, severity: Severity, title: string, detail: string, remediation: string): SecurityFinding => ({
    checkId: `channels.${CHANNEL_ID}.${check}.${accountId}`,
    severity,
    title,
    detail: `${at}: ${detail}`,
    remediation,
  })
  const openGroups = [
    ...(groupPolicy === 'open' && !requireMention ? ['every group that groupPermissions does not name'] : []),
    ...Object.entries(groupPermissions).flatMap(([group, permission]) =>
      permission.groupPolicy === 'open' && !permission.requireMention ? [group] : [],
    ),
  ]
  const everybody = dmPolicy === 'open' || (dmPolicy !== 'disabled' && allowFrom.includes('*'))
  return [
    ...(everybody
      ? [
          finding(
            'dm.open',
            'critical',
            'Everybody on the mesh may talk to the assistant',
            dmPolicy === 'open' ? 'dmPolicy is "open".' : 'allowFrom contains "*".',
            'Set dmPolicy to "pairing" or "allowlist", and take "*" out of allowFrom.',
          ),
        ]
      : []),
    ...(enableGroups && openGroups.length > 0
      ? [
          finding(
            'groups.open_without_mention',
            'warn',
            'The assistant answers every message of everybody in a group',
            `groupPolicy is "open" and requireMention is false in ${openGroups.join(', ')}.`,
            'Set requireMention to true, or groupPolicy to "allowlist".',
          ),
        ]
      : []),
    ...(isPlainHttp(agentUrl) && !isLoopback(agentUrl)
      ? [
          finding(
            'agent.plain_http',
            'critical',
            'The ZTM agent is reached over plain http',
            `agentUrl is ${agentUrl}: whoever is on the way can read along and write as the bot.`,
            'Use https with tls.cert and tls.key, or a tunnel to a loopback address.',
          ),
        ]
      : []),
  ]
}
