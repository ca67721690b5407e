/**
 * The stream in the form of Stately's own inspector (`@statelyai/inspect`). Its tools cannot take thousands of events a second: what
 * is beyond the bound in a tenth of a second is left out, and every actor's newest state is sent all the same.
 */
import { randomUUID } from 'node:crypto'
import type { StatelyActorEvent, StatelyEventEvent, StatelyInspectionEvent, StatelySnapshotEvent } from '@statelyai/inspect'
import type { ActorView, Step } from '../runtime/inspection.ts'
import type { Inspected } from '../runtime/runtime.ts'
import { type Hub, UPDATE_MS } from './hub.ts'

/** Of `@statelyai/inspect` 0.7, as it writes it. */
const VERSION = '0.7.2'
const EVENTS_MAX = 20
const ACTORS_MAX = 200
const UNREAD_BYTES_MAX = 1_048_576

export type StatelyOptions = {
  readonly hub: Hub
  readonly accounts: () => readonly Inspected[]
  /** The chart of a kind of actor as JSON. */
  readonly definition: (kind: string) => string | undefined
  readonly send: (event: StatelyInspectionEvent) => void
  readonly unreadBytes: () => number
}

/** Sends until what it returns is called. */
export function sendStately({ hub, accounts, definition, send, unreadBytes }: StatelyOptions): () => void {
  const known = new Set<string>()
  let events: { readonly account: string; readonly step: Step; readonly atMs: number }[] = []
  const changed = new Map<string, { readonly account: string; readonly step: Step; readonly atMs: number }>()

  const base = (account: string, actor: string, atMs: number) => ({
    sessionId: sessionOf(account, actor),
    rootId: sessionOf(account, `account:${account}`),
    createdAt: String(atMs),
    id: randomUUID(),
    _version: VERSION,
  })
  const introduce = (account: string, view: ActorView, atMs: number) => {
    const session = sessionOf(account, view.actor)
    if (known.has(session)) return true
    if (known.size >= ACTORS_MAX) return false
    known.add(session)
    const isRoot = view.kind === 'account'
    send({
      type: '@xstate.actor',
      name: view.actor,
      snapshot: { status: 'active', value: view.value, context: view.context },
      definition: definition(view.kind),
      parentId: isRoot ? undefined : sessionOf(account, `account:${account}`),
      ...base(account, view.actor, atMs),
    } satisfies StatelyActorEvent)
    return true
  }

  const flush = () => {
    if (unreadBytes() > UNREAD_BYTES_MAX) return
    for (const { account, step, atMs } of events) {
      const view = viewOf(account, step.actor)
      if (!view || !introduce(account, view, atMs)) continue
      send({
        type: '@xstate.event',
        event: { type: step.event },
        sourceId: undefined,
        ...base(account, step.actor, atMs),
      } satisfies StatelyEventEvent)
    }
    for (const { account, step, atMs } of changed.values()) {
      const view = viewOf(account, step.actor)
      if (!view || !introduce(account, view, atMs)) continue
      const snapshot = { status: 'active', output: undefined, error: undefined, value: view.value, context: view.context } as const
      send({
        type: '@xstate.snapshot',
        event: { type: step.event },
        snapshot,
        ...base(account, step.actor, atMs),
      } satisfies StatelySnapshotEvent)
    }
    events = []
    changed.clear()
  }
  const viewOf = (account: string, actor: string) =>
    accounts()
      .find(({ id }) => id === account)
      ?.inspection.look(actor) ?? null

  for (const { id, inspection } of accounts()) {
    for (const actor of [`account:${id}`, `snapshot:${id}`, ...inspection.busy()]) {
      const view = inspection.look(actor)
      if (view) introduce(id, view, Date.now())
    }
  }
  const timer = setInterval(flush, UPDATE_MS).unref()
  const stop = hub.listen((account, step, atMs) => {
    if (events.length < EVENTS_MAX) events.push({ account, step, atMs })
    changed.set(sessionOf(account, step.actor), { account, step, atMs })
    const [oldest] = changed.keys()
    if (changed.size > ACTORS_MAX && oldest !== undefined) changed.delete(oldest)
  })
  return () => {
    clearInterval(timer)
    stop()
  }
}

const sessionOf = (account: string, actor: string): string => `${account}/${actor}`
