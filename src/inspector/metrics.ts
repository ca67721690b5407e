/** Prometheus text of all accounts. */
import type { AccountStatus } from '../runtime/runtime.ts'
import type { AccountOverview } from './protocol.ts'

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

/** `unopened`: accounts whose state cannot be opened; all that there is to tell of them is that they are not live. */
export function metricsText(all: readonly AccountOverview[], unopened: readonly AccountStatus[] = []): string {
  const lines: string[] = []
  const metric = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]) => {
    lines.push(`# HELP ztm_chat_${name} ${help}`, `# TYPE ztm_chat_${name} ${type}`)
    for (const { labels, value } of samples) {
      const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
      lines.push(`ztm_chat_${name}{${said.join(',')}} ${value}`)
    }
  }
  const each = (value: (one: AccountOverview) => number | null): readonly Sample[] =>
    all.flatMap(one => {
      const found = value(one)
      return found === null ? [] : [{ labels: { account: one.status.account }, value: found }]
    })

  metric(
    'up',
    'gauge',
    'Whether the account is live.',
    [...all.map(({ status }) => status), ...unopened].map(({ account, state }) => ({
      labels: { account },
      value: state === 'live' ? 1 : 0,
    })),
  )
  metric(
    'messages_seen_total',
    'counter',
    'Messages decided about since the start.',
    each(({ status }) => status.counters.seen),
  )
  metric(
    'messages_processed_total',
    'counter',
    'Messages passed on to the responder.',
    each(({ status }) => status.counters.processed),
  )
  metric(
    'messages_ignored_total',
    'counter',
    'Messages ignored, by reason.',
    all.flatMap(({ status }) =>
      Object.entries(status.counters.ignored).map(([reason, value]) => ({ labels: { account: status.account, reason }, value })),
    ),
  )
  metric(
    'replies_confirmed_total',
    'counter',
    'Replies seen on the mesh.',
    each(({ status }) => status.counters.sent),
  )
  metric(
    'replies_posted_again_total',
    'counter',
    'Replies posted once more.',
    each(({ status }) => status.counters.repeatedPosts),
  )
  metric(
    'chats',
    'gauge',
    'Chats known.',
    each(({ status }) => status.chats),
  )
  metric(
    'dispatches_running',
    'gauge',
    'Messages at the responder.',
    each(({ status }) => status.runningDispatches),
  )
  metric(
    'dispatches_waiting',
    'gauge',
    'Messages waiting for the responder.',
    each(({ status }) => status.waitingDispatches),
  )
  metric(
    'outbox',
    'gauge',
    'Replies not yet confirmed.',
    each(({ status }) => status.outbox),
  )
  metric(
    'outbox_uncertain',
    'gauge',
    'Replies without evidence either way.',
    each(({ status }) => status.uncertain),
  )
  metric(
    'dead_letters',
    'gauge',
    'Dead letters kept.',
    each(({ deadLetters }) => deadLetters.length),
  )
  metric(
    'pairing_requests',
    'gauge',
    'Pairing requests pending.',
    each(({ status }) => status.pendingPairings),
  )
  metric(
    'feed_lag_seconds',
    'gauge',
    'From the hub knowing a message file to its being read.',
    each(({ status }) => seconds(status.feedLagMs)),
  )
  for (const stage of ['dispatched', 'posted', 'confirmed'] as const) {
    metric(
      `latency_${stage}_seconds`,
      'gauge',
      `From the decision to the message being ${stage}; newest 500.`,
      all.flatMap(({ status, latency }) =>
        (['p50', 'p95'] as const).flatMap(quantile => {
          const value = seconds(latency[stage]?.[quantile] ?? null)
          return value === null ? [] : [{ labels: { account: status.account, quantile: quantile === 'p50' ? '0.5' : '0.95' }, value }]
        }),
      ),
    )
  }
  return `${lines.join('\n')}\n`
}

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000)
const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
