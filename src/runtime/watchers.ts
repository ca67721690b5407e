/** The watchers at work: one actor per peer or group that has something new, gone when it has been fetched. */
import { type Actor, createActor, type SnapshotFrom } from 'xstate'
import { watcherMachine } from '../../machines/watcher.ts'
import { backoffMs } from '../domain/backoff.ts'
import { ZtmChatError } from '../domain/errors.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Limits } from '../domain/limits.ts'
import type { Random } from '../ports/random.ts'
import { createGate } from './gate.ts'
import type { Nursery } from './nursery.ts'
import type { Timers } from './timers.ts'

export interface Watchers {
  changed(chat: ChatId): void
  /** None is at work: everything known has been fetched. */
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
  /** The last one has done its work. */
  readonly onIdle: () => void
  readonly onTrouble: (chat: ChatId, reason: string) => void
}

export function createWatchers({ nursery, limits, random, timers, signal, fetch, onIdle, onTrouble }: WatchersOptions): Watchers {
  const actors = new Map<ChatId, Actor<typeof watcherMachine>>()
  const gate = createGate(limits.fetches)

  const drop = (chat: ChatId) => {
    const actor = actors.get(chat)
    if (actor?.getSnapshot().value !== 'idle') return
    nursery.stopChild(actor)
    actors.delete(chat)
    if (actors.size === 0) onIdle()
  }

  const work = async (chat: ChatId) => {
    const outcome = await gate
      .run(() => fetch(chat, signal))
      .then(
        () => ({ type: 'fetch.done' }) as const,
        (error: unknown) => ({
          type: 'fetch.failed' as const,
          retryable: !(error instanceof ZtmChatError) || error.retryable,
          reason: error instanceof Error ? error.message : String(error),
        }),
      )
    actors.get(chat)?.send(outcome)
    drop(chat)
  }

  const logic = watcherMachine.provide({
    actions: {
      fetch: (_, { chat }) => void work(chat),
      startBackoff: ({ context }, { failures }) =>
        timers.set(
          `watcher:${context.chat}`,
          backoffMs({ failures, baseMs: limits.reconnectMs, maxMs: limits.reconnectMsMax, unit: random.unit() }),
          () => actors.get(context.chat)?.send({ type: 'backoff.over' }),
        ),
      reportTrouble: (_, { chat, reason }) => onTrouble(chat, reason),
    },
  })

  return {
    changed(chat) {
      if (signal.aborted) return
      const actor = actors.get(chat) ?? createActor(logic, { id: `watcher:${chat}`, parent: nursery.ref, input: { chat } })
      if (!actors.has(chat)) {
        actors.set(chat, actor)
        actor.start()
      }
      actor.send({ type: 'chat.changed' })
    },
    running: () => actors.keys(),
    look: chat => actors.get(chat)?.getSnapshot() ?? null,
    idle: () => actors.size === 0,
    stop() {
      for (const actor of actors.values()) nursery.stopChild(actor)
      actors.clear()
    },
  }
}
