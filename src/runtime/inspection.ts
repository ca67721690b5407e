/**
 * How an account is seen from outside while it runs: each step of each chart for who listens, what every actor is at this moment, and
 * the messages of a chat as they go on. It only reads, and while nobody listens nothing is made for it.
 */
import type { AnyMachineSnapshot, AnyTransitionDefinition, InspectionEvent } from 'xstate'
import { isMachineSnapshot } from 'xstate'
import type { Change } from '../../machines/records.ts'
import type { ChatId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { Store } from '../ports/store.ts'
import { createLifeReader, type Life, type LifeReader } from './life.ts'
import { parseChange } from './parse-record.ts'
import { type PastStep, pastOf } from './past.ts'
import type { Registry } from './registry.ts'
import { createViews, statesOf, type Views, type ViewsOptions } from './views.ts'

export type ActorKind = 'account' | 'snapshot' | 'watcher' | 'pairing' | 'chat' | 'outbox'

/** A transition that was taken: whose it is, which of its state's, and what its event's guards said before it. */
export interface Taken {
  readonly source: string
  readonly index: number
  readonly event: string
  readonly guards: readonly { readonly name: string; readonly passed: boolean }[]
  readonly actions: readonly string[]
}

/** One step of one chart. */
export interface Step {
  /** `KIND:NAME`, as in `chat:peer:alice`; `snapshot` and the account itself have the account's id as name. */
  readonly actor: string
  readonly event: string
  /** The states it is in now. */
  readonly value: Json
  /** Worked out when it is asked for. */
  readonly taken: () => readonly Taken[]
}

export interface ActorView {
  readonly actor: string
  readonly kind: ActorKind
  readonly name: string
  /** False: it rests, and is drawn from its record. */
  readonly isRunning: boolean
  readonly value: Json
  /** Null of one that rests. Ids and counts, never texts, and no pairing code: whoever forwards the stream forwards this. */
  readonly context: Json
}

/** The newest messages of a chat, kept up to date until it is closed. */
export interface Watched {
  readonly lives: () => readonly Life[]
  /** Grows with every change. */
  readonly version: () => number
  readonly close: () => void
}

export interface Inspection extends Views {
  /** From now on, until what it returns is called. */
  listen(observer: (step: Step) => void): () => void
  watch(chat: ChatId, last: number): Promise<Watched>
  /** In which states the chat was after each of its records. */
  past(chat: ChatId): Promise<readonly PastStep[]>
}

export type InspectionOptions = {
  readonly account: string
  readonly registry: Registry
  readonly store: Pick<Store, 'history'>
  /** Everything of the account runs in this actor's system. */
  readonly system: { inspect(observer: (event: InspectionEvent) => void): { unsubscribe(): void } }
  readonly root: () => AnyMachineSnapshot
  readonly journal: () => AnyMachineSnapshot
  readonly watchers: ViewsOptions['watchers']
}

export interface InspectionHost {
  readonly inspection: Inspection
  /** Whether anybody wants to hear of records. */
  isWatched(): boolean
  /** A record was applied. */
  applied(seq: number, atMs: number, changes: readonly Change[]): void
}

type Live = { apply(seq: number, atMs: number, changes: readonly Change[]): void }

export function createInspection(options: InspectionOptions): InspectionHost {
  const { account, registry, store, system } = options
  const live = new Set<Live>()

  const nameIt = (id: string) => (id === 'snapshot' ? `snapshot:${account}` : id)

  const views = createViews({
    account,
    registry,
    single: { account: options.root, snapshot: options.journal },
    watchers: options.watchers,
  })

  return {
    isWatched: () => live.size > 0,
    applied(seq, atMs, changes) {
      for (const one of live) one.apply(seq, atMs, changes)
    },
    inspection: {
      listen(observer) {
        const subscription = system.inspect(event => {
          if (event.type !== '@xstate.microstep' || !isMachineSnapshot(event.snapshot)) return
          const { actorRef, snapshot } = event
          const transitions = event._transitions
          observer({
            actor: nameIt('id' in actorRef ? String(actorRef.id) : ''),
            event: event.event.type,
            value: statesOf(snapshot),
            taken: () => transitions.map(transition => takenOf(transition)),
          })
        })
        return () => subscription.unsubscribe()
      },
      ...views,
      past: chat => pastOf(store, chat),
      async watch(chat, last) {
        const reader = createLifeReader({ chat, last })
        let version = 0
        let isCaughtUp = false
        const waiting: { readonly seq: number; readonly atMs: number; readonly changes: readonly Change[] }[] = []
        const one: Live = {
          apply(seq, atMs, changes) {
            if (!isCaughtUp) waiting.push({ seq, atMs, changes })
            else if (readAll(reader, atMs, changes, chat)) version++
          },
        }
        live.add(one)
        let lastSeq = 0
        try {
          for await (const { seq, atMs, changes } of store.history()) {
            lastSeq = seq
            readAll(
              reader,
              atMs,
              changes.flatMap(raw => (raw.key === `chat:${chat}` ? (parseChange(raw) ?? []) : [])),
              chat,
            )
          }
        } catch (error) {
          live.delete(one)
          throw error
        }
        // What was durable and not yet applied has come both ways.
        for (const { seq, atMs, changes } of waiting) if (seq > lastSeq) readAll(reader, atMs, changes, chat)
        isCaughtUp = true
        return { lives: reader.lives, version: () => version, close: () => void live.delete(one) }
      },
    },
  }
}

function readAll(reader: LifeReader, atMs: number, changes: readonly Change[], chat: ChatId): boolean {
  const own = changes.filter(change => change.at === 'chat' && change.chat === chat)
  for (const change of own) reader.read(change, atMs)
  return own.length > 0
}

/** The guards of one event are asked in order until one lets it through. */
function takenOf(transition: AnyTransitionDefinition): Taken {
  const { source, eventType, actions } = transition
  const all = [...(source.always ?? []), ...[...source.transitions.values()].flat()]
  const index = all.indexOf(transition)
  const asked = all.slice(0, index + 1).filter(other => other.eventType === eventType)
  return {
    source: source.id,
    index,
    event: eventType === '' ? 'always' : eventType,
    guards: asked.flatMap(other => (other.guard ? [{ name: nameOf(other.guard), passed: other === transition }] : [])),
    actions: actions.map(nameOf),
  }
}

function nameOf(part: unknown): string {
  if (typeof part === 'string') return part
  return typeof part === 'object' && part !== null && 'type' in part ? String(part.type) : 'inline'
}
