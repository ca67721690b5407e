/** What every actor of an account is at this moment. It only reads, and nothing is unfolded because somebody looks at it. */
import { type AnyMachineSnapshot, createActor } from 'xstate'
import { chatMachine } from '../../machines/chat.ts'
import { outboxMachine } from '../../machines/outbox.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { ActorKind, ActorView } from './inspection.ts'
import { isChatId } from './parse-record.ts'
import type { Registry } from './registry.ts'

export interface Views {
  /** Ids of all actors, also of those that rest. */
  actors(): readonly string[]
  /** Of those that have something to do. */
  busy(): readonly string[]
  look(actor: string): ActorView | null
}

export type ViewsOptions = {
  readonly account: string
  readonly registry: Registry
  /** Actors of which there is one in an account, by their kind. */
  readonly single: Partial<Readonly<Record<'account' | 'snapshot', () => AnyMachineSnapshot>>>
  readonly watchers: { running(): Iterable<ChatId>; look(chat: ChatId): AnyMachineSnapshot | null }
}

export const statesOf = (snapshot: AnyMachineSnapshot): Json => snapshot.value as Json
const restingChat = statesOf(createActor(chatMachine, { input: { chat: 'peer:' } }).getSnapshot())
const restingOutbox = statesOf(createActor(outboxMachine, { input: { chat: 'peer:' } }).getSnapshot())

export function createViews({ account, registry, single, watchers }: ViewsOptions): Views {
  const running = (actor: string, kind: ActorKind, name: string, snapshot: AnyMachineSnapshot): ActorView => ({
    actor,
    kind,
    name,
    isRunning: true,
    value: statesOf(snapshot),
    context: snapshot.context as Json,
  })
  const stored = (actor: string, kind: ActorKind, name: string, kept: unknown, resting: Json): ActorView => {
    const isKept = typeof kept === 'object' && kept !== null && 'value' in kept
    const context = isKept && 'context' in kept ? (kept.context as Json) : null
    return { actor, kind, name, isRunning: false, value: isKept ? (kept.value as Json) : resting, context }
  }

  return {
    actors: () => [
      ...Object.keys(single).map(kind => `${kind}:${account}`),
      ...registry.pairings().map(({ context }) => `pairing:${context.user}`),
      ...[...watchers.running()].map(chat => `watcher:${chat}`),
      ...[...registry.outboxes()].map(chat => `outbox:${chat}`),
      ...[...registry.chats.keys()].map(chat => `chat:${chat}`),
    ],
    busy() {
      const outboxes = [...registry.outboxes()].filter(chat => (registry.outbox(chat)?.context.posts.length ?? 0) > 0)
      const chats = [...registry.runningChats()].filter(chat => {
        const { queue, urgent, held } = registry.chat(chat)?.context ?? { queue: [], urgent: [], held: [] }
        return queue.length + urgent.length + held.length > 0
      })
      return [
        ...registry.pairings().map(({ context }) => `pairing:${context.user}`),
        ...[...watchers.running()].map(chat => `watcher:${chat}`),
        ...outboxes.map(chat => `outbox:${chat}`),
        ...chats.map(chat => `chat:${chat}`),
      ]
    },
    look(actor) {
      const colon = actor.indexOf(':')
      const [kind, name] = [actor.slice(0, colon), actor.slice(colon + 1)]
      if (kind === 'account' || kind === 'snapshot') {
        const snapshot = name === account ? single[kind]?.() : undefined
        return snapshot ? running(actor, kind, name, snapshot) : null
      }
      if (kind === 'pairing') {
        const snapshot = registry.pairing(name)
        return snapshot && withoutCode(running(actor, 'pairing', name, snapshot))
      }
      if (!isChatId(name)) return null
      if (kind === 'watcher') {
        const snapshot = watchers.look(name)
        return snapshot && running(actor, 'watcher', name, snapshot)
      }
      // As a copy: nothing is unfolded because somebody looks at it.
      const entry = registry.chats.stored(name)
      if (!entry) return null
      if (kind === 'chat') {
        const snapshot = registry.chat(name)
        return snapshot ? running(actor, 'chat', name, snapshot) : stored(actor, 'chat', name, entry.chat, restingChat)
      }
      if (kind !== 'outbox') return null
      const snapshot = registry.outbox(name)
      return snapshot ? running(actor, 'outbox', name, snapshot) : stored(actor, 'outbox', name, entry.outbox, restingOutbox)
    },
  }
}

function withoutCode(view: ActorView): ActorView {
  const { context } = view
  return typeof context === 'object' && context !== null ? { ...view, context: { ...context, code: '(hidden)' } } : view
}
