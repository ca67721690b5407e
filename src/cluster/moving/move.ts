/** What both ways of a move between a state directory and a fleet have in common. */
import { ZtmChatError } from '../../domain/errors.ts'
import type { AccountId } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { type Engine, EngineAway, EngineRefused } from '../engine.ts'
import { type Kept, NAME } from '../kept.ts'
import { parseKey } from '../keys.ts'
import type { Tables } from '../tables.ts'

export type MoveOptions = {
  readonly settings: AccountSettings
  readonly stateDir: string
  readonly engine: Engine
  readonly tables: Pick<Tables, 'rows'>
  /** The ingress, as the user knows it. */
  readonly fleet: string
  readonly onProgress: (done: number, of: number) => void
}
export type MovedState = { readonly chats: number; readonly requests: number; readonly problems: readonly string[] }

/** It has not come to its end; done again, it goes on. */
export class NotMoved extends ZtmChatError {
  readonly retryable = true
  readonly mayHaveActed = true
  /** It was asked, and said no: it has changed nothing. */
  readonly isRefusal: boolean
  constructor(message: string, options: ErrorOptions & { readonly isRefusal?: boolean } = {}) {
    super(message, options)
    this.isRefusal = options.isRefusal ?? false
  }
}

/** Asked at once: the engine carries out so many beside each other, and one that dies has few to do again. */
const WIDTH = 16

/** All of them, in no order; the first failure ends it. */
export async function forEachOf<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const coming = items[Symbol.iterator]()
  let hasFailed = false
  const worker = async () => {
    for (let next = coming.next(); !hasFailed && !next.done; next = coming.next()) await work(next.value)
  }
  const workers = Array.from({ length: WIDTH }, () =>
    worker().catch((error: unknown) => {
      hasFailed = true
      throw error
    }),
  )
  // None may go on behind the caller's back.
  const [failed] = (await Promise.allSettled(workers)).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  if (failed) throw failed.reason
}

/** @throws {NotMoved} in one sentence, whatever has failed. */
export async function asked(
  engine: Engine,
  place: readonly [service: string, key: string, handler: string],
  input?: unknown,
): Promise<Json> {
  try {
    return await engine.call(place, input)
  } catch (error) {
    if (error instanceof EngineRefused) throw new NotMoved(error.reason, { cause: error, isRefusal: true })
    if (error instanceof EngineAway)
      throw new NotMoved(`${error.message}; is a service of the fleet running? Do the same again, and it goes on from there.`, {
        cause: error,
      })
    throw error
  }
}

export type Here = Pick<Kept, 'moved'> & { readonly hasState: boolean }

/** What the fleet has of the account's chats, or of its requests, by their names. */
export async function keptIn(
  tables: MoveOptions['tables'],
  kind: 'chat' | 'pairing',
  account: AccountId,
): Promise<ReadonlyMap<string, Here>> {
  const found = new Map<string, Here>()
  for await (const { key, value } of tables.rows(kind, account, { name: NAME })) {
    const parsed = parseKey(key)
    if (parsed?.account !== account) continue
    const { stored, moved } = value
    found.set(parsed.name, { hasState: stored !== null, ...(moved && { moved }) })
  }
  return found
}
