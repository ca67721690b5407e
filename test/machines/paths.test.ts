/** What the head of each chart promises, held against every path that a bounded run can take. */
import { describe, expect, test } from 'vitest'
import type { Change, Commit } from '../../machines/records.ts'
import type { MessageId, ReplyKey } from '../../src/domain/ids.ts'
import { advance, inOneLine, type Move, movesOf, type Owed, postLimits, type World } from './conversation.ts'
import { afterCrash, fold } from './crash.ts'
import { type Path, pathsOf } from './paths.ts'
import { alice } from './words.ts'

/** Many small steps on a machine that others use, too. */
const PATIENCE_MS = 60_000

type Edge = { readonly path: Path; readonly before: World; readonly move: Move; readonly after: World }

const edgesOf = (paths: readonly Path[]): readonly Edge[] =>
  paths.map(path => ({ path, before: path.worlds.at(-2)!, move: path.moves.at(-1)!, after: path.worlds.at(-1)! }))

/** The first path that breaks a promise, in lines that can be read; null = none does. */
function firstBreach(edges: readonly Edge[], holds: (edge: Edge) => boolean): string | null {
  const breach = edges.find(edge => !holds(edge))
  return breach ? breach.path.moves.map(inOneLine).join('\n') : null
}

const asked = <Params>(world: World, type: string): readonly Params[] =>
  world.asked.filter(({ effect }) => effect.type === type).map(({ effect }) => effect.params as Params)
const committed = (world: World): readonly Change[] => asked<Commit>(world, 'commit').flatMap(({ changes }) => changes)
const onTheWay = (world: World): readonly Change[] => world.underWay.flatMap(({ changes }) => changes)
const everWritten = (world: World): readonly Change[] => [...world.journal, ...onTheWay(world)]
const ofType = (changes: readonly Change[], ...types: readonly string[]) => changes.filter(({ event }) => types.includes(event.type))
const owes = (world: World, type: string): readonly Owed[] => world.owed.filter(({ effect }) => effect.type === type)
/** What a restart from this very state asks for. */
const asksAgain = (world: World) => afterCrash(world, fold(world)).asked.map(({ effect }) => effect)

describe('on every path of a chat', { timeout: PATIENCE_MS }, () => {
  type Dispatch = { id: MessageId; attempt: number; urgent: boolean }
  const edges = edgesOf(pathsOf('chat'))

  /** Ids let in, in the order of their records, without those that have been dealt with; and beside them what does not wait. */
  const letIn = ({ journal }: World): { readonly queue: readonly MessageId[]; readonly urgent: readonly MessageId[] } => {
    let [queue, held, urgent]: [readonly MessageId[], readonly MessageId[], readonly MessageId[]] = [[], [], []]
    for (const { event } of journal) {
      if (event.type === 'message.accepted' && event.message.urgent) urgent = [...urgent, event.message.id]
      else if (event.type === 'message.accepted') queue = [...queue, event.message.id]
      if (event.type === 'turn.failed' && urgent.includes(event.id)) queue = [...queue, event.id]
      if (event.type === 'turn.failed' || event.type === 'turn.adopted' || event.type === 'turn.answered')
        urgent = urgent.filter(id => id !== event.id)
      if (event.type === 'message.held') held = [...held, event.message.id]
      if (event.type === 'message.dropped') held = held.filter(id => !event.ids.includes(id))
      if (event.type === 'message.released') [queue, held] = [[...queue, ...held], []]
      if (event.type === 'turn.adopted' || event.type === 'turn.answered' || event.type === 'turn.abandoned') {
        queue = queue.filter(id => id !== event.id)
      }
    }
    return { queue, urgent }
  }
  const waiting = (world: World) => letIn(world).queue
  const custody = ({ journal }: World): readonly MessageId[] => {
    const kept = new Set<MessageId>()
    for (const { event } of journal) {
      if (event.type === 'turn.adopted' && event.custody) kept.add(event.id)
      if (event.type === 'turn.answered') kept.delete(event.id)
    }
    return [...kept]
  }
  const urgent = (world: World) => letIn(world).urgent
  /** Of those that count. */
  const failures = ({ journal }: World, id: MessageId) =>
    ofType(journal, 'turn.failed').filter(({ event }) => event.type === 'turn.failed' && event.id === id && event.attempt > 0).length

  test('a message is dispatched only when its record is durable (C1), in its turn, and with its own attempt', () => {
    expect(
      firstBreach(edges, ({ after }) =>
        asked<Dispatch>(after, 'dispatch').every(one =>
          one.urgent
            ? urgent(after)[0] === one.id && one.attempt === 0
            : waiting(after)[0] === one.id && one.attempt === failures(after, one.id) + 1,
        ),
      ),
    ).toBeNull()
  })

  test('at most one dispatch is outstanding, and at most one beside it of what is about the turn (C2)', () => {
    const beside = ({ effect }: Owed) => (effect.params as Dispatch).urgent
    expect(
      firstBreach(edges, ({ after }) => {
        const all = owes(after, 'dispatch')
        const urgentOnes = all.filter(beside)
        return urgentOnes.length <= 1 && all.length - urgentOnes.length <= 1
      }),
    ).toBeNull()
  })

  test('whoever waits is being dispatched, rests after a failure, or has its outcome on the way', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const outcomes = ofType(onTheWay(after), 'turn.adopted', 'turn.answered', 'turn.failed', 'turn.abandoned').filter(
          ({ event }) => !('id' in event && custody(after).includes(event.id)),
        ).length
        const owed = owes(after, 'dispatch').length + owes(after, 'startBackoff').length
        return outcomes + owed === Math.min(1, waiting(after).length) + Math.min(1, urgent(after).length)
      }),
    ).toBeNull()
  })

  test('what is kept is short: ids, never texts (C3)', () => {
    expect(firstBreach(edges, ({ after }) => !JSON.stringify(after.snapshots.chat?.context).includes('text of'))).toBeNull()
  })

  /** Nothing is dispatched while it is not known what has become of what is in custody (C5). */
  const asksOfTurns = (world: World) => {
    const [id] = waiting(world)
    const ids = custody(world)
    if (ids.length > 0) return [{ type: 'reclaim', params: { chat: alice, ids } }]
    const backoff = owes(world, 'startBackoff').map(({ effect }) => effect)
    if (id === undefined || backoff.length > 0) return backoff
    return [{ type: 'dispatch', params: { chat: alice, id, attempt: failures(world, id) + 1, urgent: false } }]
  }

  test('a restart asks again for what is waited for, with the same ids, and for nothing else (C4)', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const isHolding = (after.snapshots.chat?.context.held.length ?? 0) > 0
        const expected = [
          ...(isHolding ? [{ type: 'openPairing', params: { chat: alice, wrote: false } }] : []),
          ...asksOfTurns(after),
          ...urgent(after).map(one => ({ type: 'dispatch', params: { chat: alice, id: one, attempt: 0, urgent: true } })),
        ]
        return JSON.stringify(asksAgain(after)) === JSON.stringify(expected)
      }),
    ).toBeNull()
  })
})

describe('on every path of a pairing request', { timeout: PATIENCE_MS }, () => {
  const edges = edgesOf(pathsOf('pairing'))
  const ENDS = ['pairing.approved', 'pairing.rejected', 'pairing.expired', 'pairing.refused']

  test('there is one code at a time, however often the stranger writes (P1)', () => {
    expect(
      firstBreach(
        edges,
        ({ after }) => ofType(everWritten(after), 'pairing.opened').length <= 1 && owes(after, 'requestTicket').length <= 1,
      ),
    ).toBeNull()
  })

  test('no second reminder is written while the first is on its way, nor one that is not due (P2)', () => {
    expect(
      firstBreach(edges, ({ before, move, after }) => {
        const reminders = ofType(committed(after), 'pairing.reminded').length
        if (reminders === 0) return true
        const isDue = move.type === 'tell' && move.event.type === 'stranger.wrote' && move.event.reminderMs === 0
        return isDue && reminders === 1 && ofType(onTheWay(before), 'pairing.reminded').length === 0
      }),
    ).toBeNull()
  })

  test('a request ends once, and what was held for it is released or dropped in the same step (P3)', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const changes = committed(after)
        const [end] = ofType(changes, ...ENDS)
        if (ofType(everWritten(after), ...ENDS).length > 1) return false
        if (!end) return ofType(changes, 'message.released', 'message.dropped').length === 0
        const [settled, ...more] = ofType(changes, 'message.released', 'message.dropped')
        const isWhole = settled?.event.type === 'message.dropped' ? settled.event.ids.join() === 'm1' : settled !== undefined
        return isWhole && more.length === 0 && (settled?.event.type === 'message.released') === (end.event.type === 'pairing.approved')
      }),
    ).toBeNull()
  })

  test('it expires at its date, not before, and always waits for that date (P4)', () => {
    expect(
      firstBreach(edges, ({ move, after }) => {
        const { expiresAtMs } = after.snapshots.pairing!.context
        const isTooEarly =
          ofType(committed(after), 'pairing.expired').length > 0 &&
          !(move.type === 'tell' && move.event.type === 'deadline.reached' && move.event.nowMs >= expiresAtMs)
        return !isTooEarly && asked<{ atMs: number }>(after, 'startDeadline').every(({ atMs }) => atMs === expiresAtMs)
      }),
    ).toBeNull()
  })

  test('a restart asks again for the code, or waits again for the date, and for nothing once it has ended', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const { expiresAtMs } = after.snapshots.pairing!.context
        const isOpen = ofType(after.journal, 'pairing.opened').length > 0
        const hasEnded = ofType(after.journal, ...ENDS).length > 0
        const expected = isOpen
          ? { type: 'startDeadline', params: { user: 'alice', atMs: expiresAtMs } }
          : { type: 'requestTicket', params: { user: 'alice' } }
        return JSON.stringify(asksAgain(after)) === JSON.stringify(hasEnded ? [] : [expected])
      }),
    ).toBeNull()
  })
})

describe('on every path of an outbox', { timeout: PATIENCE_MS }, () => {
  const edges = edgesOf(pathsOf('outbox'))

  type Standing = 'queued' | 'unconfirmed' | 'not sent' | 'uncertain' | 'refused'
  /** What an observer knows of each reply who sees records and answers, but not the chart. */
  const observe = ({ worlds, moves }: Path) => {
    const standing = new Map<ReplyKey, Standing>()
    const seen = new Set<ReplyKey>()
    const lagged = new Set<ReplyKey>()
    let posted: readonly ReplyKey[] = []
    for (const [index, move] of moves.slice(0, -1).entries()) {
      for (const { event } of worlds[index + 1]!.journal.slice(worlds[index]!.journal.length)) {
        if (event.type === 'reply.queued') for (const { key } of event.replies) standing.set(key, 'queued')
        if (event.type === 'reply.posting' && !seen.has(event.key)) {
          standing.set(event.key, 'unconfirmed')
          lagged.delete(event.key)
          posted = [...posted.filter(key => key !== event.key), event.key]
        }
        if (event.type === 'reply.requeued') standing.set(event.key, 'queued')
        if (event.type === 'reply.failed') standing.delete(event.key)
        if (event.type === 'reply.sent') for (const key of event.keys) standing.delete(key)
      }
      if (move.type !== 'tell') continue
      const about = (move.answers?.effect.params ?? {}) as { key?: ReplyKey }
      const { event } = move
      if (event.type === 'reply.seen') for (const key of event.keys) seen.add(key)
      if (event.type === 'lag.over') lagged.add(event.key)
      if (about.key === undefined || !standing.has(about.key)) continue
      if (event.type === 'post.not-sent' || (event.type === 'post.refused' && event.status === 404)) standing.set(about.key, 'not sent')
      if (event.type === 'post.refused' && event.status !== 404) standing.set(about.key, 'refused')
      const isLongAgo = event.type === 'ledger.absent' && event.nowMs >= worlds[0]!.nowMs + 2 * postLimits.lostPostMs
      if (isLongAgo && standing.get(about.key) === 'unconfirmed') standing.set(about.key, 'uncertain')
    }
    return { standing, seen, lagged, unconfirmed: posted.filter(key => standing.get(key) === 'unconfirmed') }
  }
  const postings = (world: World): readonly ReplyKey[] =>
    committed(world).flatMap(({ event }) => (event.type === 'reply.posting' ? [event.key] : []))

  test('a post is made once for each durable reply.posting, right then, and of that very reply (O1)', () => {
    expect(
      firstBreach(edges, ({ before, after }) => {
        const written = after.journal
          .slice(before.journal.length)
          .flatMap(({ event }) => (event.type === 'reply.posting' ? [event.key] : []))
        const posts = asked<{ key: ReplyKey }>(after, 'post').map(({ key }) => key)
        return posts.every((key, index) => key === written[index]) && posts.length <= written.length
      }),
    ).toBeNull()
  })

  test('a reply counts as sent only when it was seen on the mesh (O2)', () => {
    expect(
      firstBreach(edges, ({ move, after }) =>
        committed(after).every(
          ({ event }) =>
            event.type !== 'reply.sent' ||
            (move.type === 'tell' && move.event.type === 'reply.seen' && move.event.keys.join() === event.keys.join()),
        ),
      ),
    ).toBeNull()
  })

  test('nothing is posted beside an unconfirmed reply, unless its confirmation lags (O3)', () => {
    expect(
      firstBreach(edges, ({ path, after }) => {
        if (postings(after).length === 0) return true
        const { unconfirmed, lagged } = observe(path)
        const newest = unconfirmed.at(-1)
        return newest === undefined || lagged.has(newest)
      }),
    ).toBeNull()
  })

  test('a reply is posted again only when it was not sent, or is lost (O4), and never when it has been seen', () => {
    expect(
      firstBreach(edges, ({ path, after }) => {
        const { standing, seen } = observe(path)
        const isFree = (key: ReplyKey) => standing.get(key) === 'queued' || standing.get(key) === 'not sent'
        return (
          postings(after).every(key => isFree(key) && !seen.has(key)) &&
          asked<{ key: ReplyKey }>(after, 'post').every(({ key }) => !seen.has(key))
        )
      }),
    ).toBeNull()
  })

  test('first attempts are made in the order of the queue', () => {
    expect(
      firstBreach(edges, ({ before, after }) => {
        const tried = before.journal.flatMap(({ event }) => (event.type === 'reply.posting' ? [event.key] : []))
        const untried = before.snapshots.outbox!.context.posts.map(({ key }) => key).filter(key => !tried.includes(key))
        return postings(after).every(key => tried.includes(key) || key === untried[0])
      }),
    ).toBeNull()
  })

  test('it never stands still: while a reply is not settled, something is asked for or on its way', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const isEmpty = after.snapshots.outbox!.context.posts.length === 0
        return isEmpty || after.owed.length + after.underWay.length > 0
      }),
    ).toBeNull()
  })

  test('a restart posts nothing: it looks for what may be on the mesh, and asks the ledger for what is queued (O5)', () => {
    expect(
      firstBreach(edges, ({ after }) => {
        const effects = asksAgain(after)
        const types = effects.map(({ type }) => type)
        const { posts } = after.snapshots.outbox!.context
        const queued = posts.flatMap(({ key, phase }) => (phase === 'queued' ? [key] : []))
        const asked = effects.flatMap(({ type, params }) => (type === 'checkQueued' ? (params as { keys: readonly ReplyKey[] }).keys : []))
        if (types.includes('post') || types.includes('requestSlot') || asked.join() !== queued.join()) return false
        return types.includes('startLook') === queued.length < posts.length
      }),
    ).toBeNull()
  })

  test('after a restart nothing is posted but what the ledger lacks, or what it says nothing about for long (O5)', () => {
    const bounds = { arrivals: 0, revives: false }
    /** Which of them restart alike. */
    const met = new Set<string>()
    const askLedger = (world: World) => owes(world, 'checkQueued').length > 0
    expect(
      firstBreach(edges, ({ after }) => {
        const { value, context } = after.snapshots.outbox!
        const stand = JSON.stringify([value, context, after.mayBeOnMesh])
        if (met.has(stand)) return true
        met.add(stand)
        const restarted = afterCrash(after, fold(after))
        if (!askLedger(restarted)) return true
        return movesOf(restarted, bounds).every(move => {
          const next = advance(restarted, move)
          if (askLedger(next)) return owes(next, 'requestSlot').length === 0 && postings(next).length === 0
          if (move.type !== 'tell' || owes(next, 'requestSlot').length === 0) return true
          return move.event.type === 'unchecked.absent' || (move.event.type === 'unchecked.unknown' && !move.event.away)
        })
      }),
    ).toBeNull()
  })
})
