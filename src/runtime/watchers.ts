/** The watchers at work: one actor per peer or group that has something new, at rest when it has been fetched. */
import { type Actor, createActor, type Snapshot, type SnapshotFrom } from 'xstate'
import { watcherMachine } from '../../machines/watcher.ts'
import { backoffMs } from '../domain/backoff.ts'
import { ZtmAgentSilent, ZtmChatError } from '../domain/errors.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Random } from '../ports/random.ts'
import { createGate } from './gate.ts'
import type { Nursery } from './nursery.ts'
import type { Timers } from './timers.ts'

export interface Watchers {
  changed(chat: ChatId): void
  /** Fetches the chat anew. Resolves when it was read; rejects when it cannot be at present. */
  fetched(chat: ChatId): Promise<void>
  /** None is at work: everything known has been fetched, but for chats that are in trouble. */
  idle(): boolean
  running(): Iterable<ChatId>
  look(chat: ChatId): SnapshotFrom<typeof watcherMachine> | null
  stop(): void
}

export type WatchersOptions = {
  readonly nursery: Nursery
  readonly limits: Limits
  readonly random: Random
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly fetch: (chat: ChatId, signal: AbortSignal) => Promise<void>
  readonly onFetched: (chat: ChatId) => void
  readonly onFailed: (chat: ChatId, error: unknown) => void
  /** None is at work any more. */
  readonly onIdle: () => void
  readonly onTrouble: (chat: ChatId, reason: string) => void
}

/** Watchers at rest that are kept for the next change of their chats; then the one that rests longest goes. */
const RESTING_MAX = 500

export function createWatchers(options: WatchersOptions): Watchers {
  const { nursery, limits, random, timers, signal, fetch, onFetched, onFailed, onIdle, onTrouble } = options
  const actors = new Map<ChatId, Actor<typeof watcherMachine>>()
  const gate = createGate(limits.fetches)
  const waiting = new Map<ChatId, { resolve: () => void; reject: (error: unknown) => void }[]>()
  const inTrouble = new Set<ChatId>()
  const resting = new Set<ChatId>()

  const idle = () => actors.size - resting.size === inTrouble.size

  const drop = (chat: ChatId) => {
    const actor = actors.get(chat)
    if (actor) nursery.stopChild(actor)
    actors.delete(chat)
    resting.delete(chat)
  }

  /** After a step: who rests, or backs off, is no longer waited for. */
  const note = (chat: ChatId) => {
    const state = actors.get(chat)?.getSnapshot().value
    if (state === 'idle') resting.add(chat)
    if (resting.size > RESTING_MAX) drop(resting.values().next().value!)
    if (state === 'backing off') inTrouble.add(chat)
    else inTrouble.delete(chat)
    if (idle()) onIdle()
  }

  const work = async (chat: ChatId) => {
    const waiters = waiting.get(chat) ?? []
    waiting.delete(chat)
    const outcome = await gate
      .run(() => fetch(chat, signal))
      .then(
        () => {
          onFetched(chat)
          for (const { resolve } of waiters) resolve()
          return { type: 'fetch.done' } as const
        },
        (error: unknown) => {
          if (!signal.aborted) onFailed(chat, error)
          for (const { reject } of waiters) reject(error)
          return {
            type: 'fetch.failed' as const,
            retryable: !(error instanceof ZtmChatError) || error.retryable,
            reason: error instanceof Error ? error.message : String(error),
          }
        },
      )
    actors.get(chat)?.send(outcome)
    note(chat)
  }

  const logic = watcherMachine.provide({
    actions: {
      fetch: (_, { chat }) => void work(chat),
      startBackoff: ({ context }, { failures }) =>
        timers.set(
          `watcher:${context.chat}`,
          backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: limits.reconnectMsMax, unit: random.unit() }),
          () => {
            inTrouble.delete(context.chat)
            actors.get(context.chat)?.send({ type: 'backoff.over' })
          },
        ),
      reportTrouble: (_, { chat, reason }) => onTrouble(chat, reason),
    },
  })

  /** A failed one would drop what it is told. */
  const isFailed = (actor: Actor<typeof logic>) => (actor.getSnapshot() as Snapshot<unknown>).status === 'error'
  const actorOf = (chat: ChatId): Actor<typeof logic> => {
    const known = actors.get(chat)
    if (known && !isFailed(known)) return known
    const made = createActor(logic, { id: `watcher:${chat}`, parent: nursery.ref, input: { chat } })
    actors.set(chat, made)
    made.start()
    return made
  }

  const changed = (chat: ChatId) => {
    if (signal.aborted) return
    resting.delete(chat)
    actorOf(chat).send({ type: 'chat.changed' })
  }

  return {
    changed,
    fetched: chat =>
      new Promise((resolve, reject) => {
        waiting.set(chat, [...(waiting.get(chat) ?? []), { resolve, reject }])
        changed(chat)
      }),
    idle,
    running: () => [...actors.keys()].filter(chat => !resting.has(chat)),
    look: chat => actors.get(chat)?.getSnapshot() ?? null,
    stop() {
      for (const actor of actors.values()) nursery.stopChild(actor)
      actors.clear()
      resting.clear()
      inTrouble.clear()
      for (const waiters of waiting.values()) for (const { reject } of waiters) reject(new ZtmAgentSilent('The account stops.'))
      waiting.clear()
    },
  }
}
