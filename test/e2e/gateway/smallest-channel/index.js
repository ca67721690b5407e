/**
 * What a channel costs at least, to compare with: messages come from one long-poll, each goes to the host at once, and each answer is one
 * POST. Nothing is kept, decided, ordered or repeated.
 */
import { defineChannelPluginEntry } from 'openclaw/plugin-sdk/channel-core'

const CHANNEL = 'smallest'
const account = cfg => ({ accountId: 'default', enabled: true, configured: true, url: cfg.channels?.[CHANNEL]?.url })
let host

async function answer({ id, user, text }, url) {
  const { inbound, routing } = host.channel
  const cfg = host.config.current()
  const route = routing.resolveAgentRoute({
    cfg,
    channel: CHANNEL,
    accountId: 'default',
    peer: { kind: 'direct', id: user },
    dmScope: 'per-account-channel-peer',
  })
  const { agentId, dmScope, sessionKey } = route
  const access = await inbound.ingress.resolveStable({
    channelId: CHANNEL,
    accountId: 'default',
    cfg,
    identity: { key: 'user', normalize: name => name, sensitivity: 'pii', entryIdPrefix: 'user' },
    subject: { stableId: user },
    conversation: { kind: 'direct', id: user, label: user },
    contextBinding: { agentId, sessionKey, messageId: id, inboundEventKind: 'user_request' },
    readStoreAllowFrom: async () => [],
    dmPolicy: 'allowlist',
    allowFrom: [user],
    groupPolicy: 'open',
    groupAllowFrom: [],
    policy: { groupAllowFromFallbackToAllowFrom: false, activation: { requireMention: false, allowTextCommands: true } },
    event: { mayPair: false },
  })
  await inbound.run({
    channel: CHANNEL,
    accountId: 'default',
    raw: text,
    adapter: {
      ingest: raw => ({ id, timestamp: Date.now(), rawText: text, textForAgent: text, textForCommands: text, raw }),
      resolveTurn: () => ({
        cfg,
        channel: CHANNEL,
        accountId: 'default',
        route: { agentId, dmScope, sessionKey },
        ctxPayload: inbound.buildContext({
          channelIngress: access,
          channel: CHANNEL,
          accountId: 'default',
          messageId: id,
          timestamp: Date.now(),
          from: `${CHANNEL}:${user}`,
          sender: { id: user, name: user },
          conversation: { kind: 'direct', id: user, label: user },
          route: { agentId, dmScope, accountId: 'default', routeSessionKey: sessionKey },
          reply: { to: `${CHANNEL}:${user}`, originatingTo: `${CHANNEL}:${user}` },
          message: { rawBody: text, commandBody: text, bodyForAgent: text, inboundEventKind: 'user_request' },
          access: { commands: { authorized: false } },
        }),
        delivery: {
          durable: () => false,
          async deliver({ text: said = '' }) {
            await fetch(`${url}/answers`, { method: 'POST', body: JSON.stringify({ user, text: said }) })
            return { visibleReplySent: true }
          },
        },
      }),
    },
  })
}

export default defineChannelPluginEntry({
  id: CHANNEL,
  name: 'Smallest',
  description: 'What a channel costs at least.',
  setRuntime(runtime) {
    host = runtime
  },
  plugin: {
    id: CHANNEL,
    meta: {
      id: CHANNEL,
      label: 'Smallest',
      selectionLabel: 'Smallest',
      docsPath: '/channels/smallest',
      blurb: 'What a channel costs at least.',
    },
    capabilities: { chatTypes: ['direct'] },
    config: {
      listAccountIds: () => ['default'],
      resolveAccount: account,
      defaultAccountId: () => 'default',
      isEnabled: () => true,
      isConfigured: () => true,
      describeAccount: cfg => ({ accountId: 'default', enabled: true, configured: true, name: cfg.url }),
    },
    gateway: {
      async startAccount({ account: { url }, abortSignal: signal }) {
        while (!signal.aborted) {
          const messages = await fetch(`${url}/messages`, { signal }).then(
            response => response.json(),
            () => [],
          )
          for (const message of messages) void answer(message, url)
        }
      },
    },
  },
})
