/** What the users of a run must find on the mesh, and what the durable state must say, whatever went wrong. */

import type { Decision } from '../domain/decision.ts'
import type { ChatId, MessageId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import { identify } from '../domain/message-id.ts'
import { BY_PAIRING } from '../domain/policy.ts'
import type { Loaded } from '../ports/store.ts'
import { ANSWER, type Assistant } from './assistant.ts'
import type { Counts, FaultKind } from './faults.ts'
import type { ReachedMessage } from './mesh/truth.ts'
import { directOutcomes, groupOutcomes, type Outcome, type Policy } from './policy-reading.ts'
import { meantTexts } from './workload.ts'
import type { World } from './world.ts'

/** What happened on our side of the mesh, with the world's monotonic time, ms. */
export type Told = {
  /** The first decision that was told of each message, and under which policy. */
  readonly decisions: Map<MessageId, { readonly outcome: Outcome; readonly policy: Policy; readonly atMs: number }>
  readonly policies: Policy[]
  /** First attempt to let this user in, and when one was known to be done (on the hub's clock). */
  readonly approvals: Map<string, { readonly triedAtMs: number; doneAtMs: number | null }>
  readonly rejections: Set<string>
  /** Most requests that were seen pending at once. */
  pendingMax: number
  /** Chats of replies that nothing waited for any more, since nobody could tell where they were. */
  readonly uncertain: Set<ChatId>
  /** Bodies of posts that acted and were not answered. */
  readonly unanswered: Set<string>
}

export type OracleInput = {
  readonly world: World
  readonly chats: readonly ChatId[]
  readonly record: Told
  readonly assistant: Assistant
  /** Faults that happened, and those that could have. */
  readonly kinds: readonly FaultKind[]
  readonly drawn: readonly FaultKind[]
  /** The durable state at the end. */
  readonly state: Loaded
  readonly pending: readonly string[]
  /** By how much the wall clock of the runtime has moved at most. */
  readonly wallSpanMs: number
  readonly apologies: boolean
  readonly isReal: boolean
  /** Message files are read, and not only what the chat app shows. */
  readonly isPushed: boolean
}

export type Verdict = { readonly violations: readonly string[]; readonly counts: Counts }

/** Faults after which a message is read late, or a reply is sent by hand, behind those that came after it. */
const ORDER_BREAKERS: readonly FaultKind[] = [
  'refused post',
  'dead turn',
  'adopting responder',
  'unreadable file',
  'read fails',
  'read hangs',
  'late answer',
]

/** With polling nobody notices that the agent was away for a moment, and has forgotten what it had answered with 201. */
const ORDER_BREAKERS_OF_POLLING: readonly FaultKind[] = ['agent restart', 'agent killed after 201', 'stalled queue', 'hub outage']

/** A real mesh replaces files of a burst, and shows late what an agent that was away has to tell: what people wrote is read in another order. */
const ORDER_BREAKERS_OF_REAL: readonly FaultKind[] = [
  ...ORDER_BREAKERS_OF_POLLING,
  'post fails before its effect',
  'post without effect or answer',
]

const HOUR_MS = 3_600_000
/** Messages of one stranger that are kept, requests that are open at once, and the least time between two notices to one. */
const HELD_MAX = 5
const PENDING_MAX = 3
const REMINDER_MS = 600_000
/** When a lonely post counts as lost: answered with 201, and not answered at all. See docs/fault-model.md. */
const LOST_MS = 60_000
const LOST_UNANSWERED_MS = 15_000

const textOf = (message: Json | undefined): string =>
  typeof message === 'object' && message !== null && !Array.isArray(message) && 'text' in message ? String(message['text']) : ''

const identityOf = ({
  sender,
  time,
  message,
}: {
  readonly sender: string
  readonly time?: Json | undefined
  readonly message?: Json | undefined
}) => JSON.stringify([sender, time, message])

const short = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

export function judge(input: OracleInput): Verdict {
  const violations: string[] = []
  const counts: Counts = {}
  const count = (what: string, times = 1) => {
    if (times > 0) counts[what] = (counts[what] ?? 0) + times
  }
  const decided = finalDecisions(input.state)
  const has = (kinds: readonly FaultKind[], breakers: readonly FaultKind[]) => kinds.some(kind => breakers.includes(kind))
  const keepsOrder =
    !has(input.kinds, ORDER_BREAKERS) &&
    (input.isPushed || !has(input.drawn, ORDER_BREAKERS_OF_POLLING)) &&
    (!input.isReal || !has(input.drawn, ORDER_BREAKERS_OF_REAL))
  for (const chat of input.chats)
    judgeChat({ ...input, chat, decided, keepsOrder: keepsOrder && !input.record.uncertain.has(chat), count, violations })
  if (keepsOrder) count('run whose order is judged')
  return { violations, counts }
}

/** By message, from the snapshot and the records after it: an outcome that was not recorded does not exist. */
function finalDecisions({ entries, tail }: Loaded): ReadonlyMap<MessageId, Outcome> {
  const decided = new Map<MessageId, Outcome>()
  const inChat = new Map<string, MessageId[]>()
  type Kept = { readonly id: MessageId; readonly action: string; readonly reason: string }
  for (const [key, { json }] of entries) {
    if (!key.startsWith('chat:')) continue
    const { decisions }: { decisions: readonly Kept[] } = JSON.parse(json)
    for (const { id, action, reason } of decisions) decided.set(id, outcomeOf({ action, reason }))
    inChat.set(
      key,
      decisions.map(({ id }) => id),
    )
  }
  for (const { seq, changes } of tail) {
    for (const { key, event } of changes) {
      if ((entries.get(key)?.seq ?? 0) >= seq) continue
      noteChange(decided, inChat, key, event as Event)
    }
  }
  return decided
}

type Event =
  | {
      readonly type: 'message.accepted' | 'message.held' | 'message.ignored'
      readonly message: { readonly id: MessageId }
      readonly decision: { readonly action: string; readonly reason: string }
    }
  | { readonly type: 'message.dropped'; readonly ids: readonly MessageId[]; readonly reason: string }
  | { readonly type: 'message.released'; readonly decision?: Decision }

const isPairing = (outcome: Outcome): boolean => outcome.startsWith('pairing ')
const isLetThrough = (outcome: Outcome): boolean => outcome.startsWith('process ')

const outcomeOf = ({ action, reason }: { readonly action: string; readonly reason: string }): Outcome => `${action} ${reason}` as Outcome

function noteChange(decided: Map<MessageId, Outcome>, inChat: Map<string, MessageId[]>, key: string, event: Event): void {
  switch (event.type) {
    case 'message.accepted':
    case 'message.held':
    case 'message.ignored':
      decided.set(event.message.id, outcomeOf(event.decision))
      inChat.set(key, [...(inChat.get(key) ?? []), event.message.id])
      return
    case 'message.released':
      for (const id of inChat.get(key) ?? [])
        if (decided.get(id)?.startsWith('pairing ')) decided.set(id, outcomeOf(event.decision ?? BY_PAIRING))
      return
    case 'message.dropped':
      // What was let in meanwhile stays in.
      for (const id of event.ids) if (decided.get(id)?.startsWith('pairing ')) decided.set(id, `ignore ${event.reason}`)
      return
    default:
      // Every other record decides nothing.
      event satisfies never
  }
}

type ChatInput = OracleInput & {
  readonly chat: ChatId
  readonly decided: ReadonlyMap<MessageId, Outcome>
  readonly keepsOrder: boolean
  readonly count: (what: string, times?: number) => void
  readonly violations: string[]
}

const reachedIn = (world: World, chat: ChatId): readonly ReachedMessage[] =>
  chat.startsWith('group:')
    ? world.mesh.reached(world.mesh.bot, chat)
    : world.mesh.reached(chat.slice('peer:'.length), `peer:${world.mesh.bot}`)

/** What people wrote in this chat, as far as it reached the mesh, and its rights did: a hub that is away in between never hears of them. */
export const writtenIn = (world: World, chat: ChatId) =>
  identify(
    chat,
    reachedIn(world, chat).filter(({ sender, path }) => sender !== world.mesh.bot && mayRead(world, path)),
  )

function mayRead({ mesh }: World, path: string): boolean {
  const file = mesh.hub.files.get(path)
  return file === undefined || mesh.hub.files.mayRead(mesh.bot, file)
}

function judgeChat(input: ChatInput): void {
  const { world, chat, decided, count, violations } = input
  const isGroup = chat.startsWith('group:')
  const who = isGroup ? 'the group' : chat.slice('peer:'.length)
  const complain = (sentence: string) => violations.push(`${who}: ${sentence}`)
  const all = reachedIn(world, chat)
  const written = writtenIn(world, chat)
  const { answers, notices } = readAnswers(
    all.filter(({ sender }) => sender === world.mesh.bot),
    input,
    complain,
  )
  const takeShown = shownBy(world, chat)
  const processed: Processed[] = []

  for (const { id, raw } of written) {
    const outcome = decided.get(id) ?? input.record.decisions.get(id)?.outcome
    const text = textOf(raw.message)
    const isShown = takeShown(raw)
    // What another message has replaced before we could read it is not there for us.
    if (outcome === undefined && raw.replacedAtMs !== null) {
      count('message replaced by the mesh')
      continue
    }
    // A chat app reads a file once: what it could not read then it never shows, and polling sees no more than it does.
    // What stood in a group when its list first had it is history, by its senders’ clocks.
    if (outcome === undefined && !input.isPushed && (!isShown || (isGroup && input.isReal))) {
      count('message lost by the chat app')
      continue
    }
    if (outcome === undefined) {
      complain(`${short(text)} of ${raw.sender} was never decided`)
      continue
    }
    const right = outcomesOf(input, id, raw, written.length, written.filter(one => one.raw.sender === raw.sender).length)
    if (!right.includes(outcome)) complain(`${short(text)} of ${raw.sender} ended as "${outcome}", and right is ${right.join(' or ')}`)
    if (outcome.startsWith('process')) {
      // Held until somebody lets its sender in: another config may have done so meanwhile, for what was written later.
      const told = input.record.decisions.get(id)
      const waited = input.kinds.includes('config reload') && told !== undefined && isPairing(told.outcome)
      if (!waited) processed.push({ id, sender: raw.sender, time: raw.time })
      judgeAnswer(input, id, text, answers.get(id), complain)
    } else if (answers.has(id)) complain(`${short(text)} of ${raw.sender} was ignored (${outcome}), and answered`)
  }
  judgeNotices(input, notices, complain)
  const ids = new Set(written.map(({ id }) => id))
  for (const id of answers.keys()) if (!ids.has(id)) complain(`an answer to ${id}, which nobody wrote`)
  if (input.keepsOrder) judgeOrder(processed, answers, input.kinds.includes('shuffled answer'), complain)
}

/**
 * Whether the bot's chat app shows this message, asked once for each in order: of two with the same text, sender and time it
 * shows one, and which of the two it is nobody can tell.
 */
function shownBy(world: World, chat: ChatId): (raw: ReachedMessage) => boolean {
  const left = new Map<string, number>()
  for (const entry of world.bot.lists(chat) ? world.bot.inbox(chat) : [])
    left.set(identityOf(entry), (left.get(identityOf(entry)) ?? 0) + 1)
  return raw => {
    const identity = identityOf(raw)
    const times = left.get(identity) ?? 0
    left.set(identity, times - 1)
    return times > 0
  }
}

function outcomesOf(
  { chat, record, pending, wallSpanMs, assistant }: ChatInput,
  id: MessageId,
  raw: ReachedMessage,
  inChat: number,
  ofSender: number,
): readonly Outcome[] {
  const told = record.decisions.get(id)
  const policies = told ? [told.policy] : record.policies
  const right = new Set<Outcome>()
  const sender = raw.sender
  const approval = record.approvals.get(sender)
  const held: Outcome[] = []
  /** Whom a config lets in by itself need not be approved. */
  const letIn = (policy: Policy) => directOutcomes(policy, sender, 'no', []).filter(isLetThrough)
  if (pending.includes(sender) && letIn(record.policies.at(-1)!).length === 0) held.push('pairing pending')
  if (record.rejections.has(sender)) held.push('ignore pairing_rejected')
  if (wallSpanMs >= HOUR_MS) held.push('ignore pairing_expired')
  // More than the newest five of one stranger, or more strangers at once than three, are let go.
  if (ofSender > HELD_MAX || record.pendingMax >= PENDING_MAX) held.push('ignore pairing_overflow')
  for (const policy of policies) {
    const outcomes = chat.startsWith('group:')
      ? groupOutcomes(policy, sender, chat.slice('group:'.length).split('/')[0]!, meantTexts.has(textOf(raw.message).split(' q', 1)[0]!))
      : directOutcomes(
          policy,
          sender,
          approval === undefined ? 'no' : approval.doneAtMs !== null && raw.reachedAtMs > approval.doneAtMs ? 'yes' : 'maybe',
          held,
        )
    for (const outcome of outcomes) right.add(outcome)
  }
  if (told && isPairing(told.outcome))
    for (const later of record.policies.slice(record.policies.indexOf(told.policy) + 1))
      for (const outcome of letIn(later)) right.add(outcome)
  // Twenty quick alternations with one sender trip the guard against two bots.
  if (inChat > 20 && assistant.asked.size > 20) right.add('ignore loop_guard')
  return [...right]
}

type Copy = {
  readonly part: number
  readonly parts: number
  readonly ask: number
  readonly place: number
  readonly message: ReachedMessage
}

function readAnswers(
  own: readonly ReachedMessage[],
  { apologies, kinds }: ChatInput,
  complain: (sentence: string) => void,
): { readonly answers: Map<MessageId, Copy[]>; readonly notices: readonly ReachedMessage[] } {
  const answers = new Map<MessageId, Copy[]>()
  const notices: ReachedMessage[] = []
  for (const [place, message] of own.entries()) {
    const text = textOf(message.message)
    const found = ANSWER.exec(text)
    if (found) {
      const [, id, part, parts, ask] = found
      const copies = answers.get(id!) ?? []
      answers.set(id!, copies)
      copies.push({ part: Number(part), parts: Number(parts), ask: Number(ask), place, message })
    } else if (text.startsWith('I do not know you yet')) notices.push(message)
    else if (text.startsWith('Sorry, I could not answer')) {
      if (!apologies) complain('an apology, though none is configured')
    } else if (text.startsWith('You may write to me now')) {
      if (!kinds.includes('config reload')) complain('somebody was let in by another config, and there was none')
    } else if (!text.startsWith('You are approved')) complain(`the bot wrote ${short(text)}`)
  }
  return { answers, notices }
}

/** One when the request is opened, then at most one in ten minutes; each once. */
function judgeNotices(input: ChatInput, notices: readonly ReachedMessage[], complain: (sentence: string) => void): void {
  const { record, chat, world, kinds, count } = input
  const user = chat.slice('peer:'.length)
  count('pairing notice', notices.length)
  const byBody = new Map<string, ReachedMessage[]>()
  for (const notice of notices.filter(({ replacedAtMs }) => replacedAtMs === null)) {
    const body = JSON.stringify(notice.message)
    byBody.set(body, [...(byBody.get(body) ?? []), notice])
  }
  for (const copies of byBody.values()) {
    if (copies.length === 1) continue
    const found = copies.map(message => ({ message }))
    if (wasRightlyRepeated(input, found)) count('double beyond the fault model')
    else complain(`a pairing notice came ${copies.length} times`)
  }
  // After an answer of the owner, or an hour by a clock that was set, the next request is a new one.
  if (record.approvals.has(user) || record.rejections.has(user) || kinds.includes('clock step')) return
  const right = 1 + Math.floor(world.clock.monotonic() / REMINDER_MS)
  if (byBody.size > right) complain(`${byBody.size} pairing notices in ${world.clock.monotonic()} ms, and right are ${right}`)
}

function judgeAnswer(
  input: ChatInput,
  id: MessageId,
  text: string,
  copies: readonly Copy[] | undefined,
  complain: (sentence: string) => void,
): void {
  const { assistant, count } = input
  const seen = assistant.asked.get(id)
  const wanted = text.slice(text.indexOf('q'))
  if (seen !== undefined && !seen.endsWith(wanted) && !seen.startsWith(wanted))
    complain(`${short(text)} reached the assistant as ${short(seen)}`)
  if (!copies) {
    complain(`${short(text)} (${id}) was accepted and never answered`)
    return
  }
  if (new Set(copies.map(({ ask }) => ask)).size > 1) complain(`${short(text)} (${id}) got parts of different answers`)
  const { parts } = copies[0]!
  for (let part = 1; part <= parts; part++) {
    const ofPart = copies.filter(copy => copy.part === part)
    if (ofPart.length === 0) complain(`${short(text)} (${id}): part ${part} of ${parts} is missing`)
    // A copy that the mesh has replaced is gone for its readers, who may have seen it or not.
    const lasting = ofPart.filter(({ message }) => message.replacedAtMs === null)
    if (ofPart.length > lasting.length) count('reply replaced by the mesh')
    if (lasting.length <= 1) continue
    if (wasRightlyRepeated(input, ofPart)) count('double beyond the fault model')
    else complain(`${short(text)} (${id}): part ${part} of ${parts} came ${lasting.length} times`)
  }
  const firsts = Array.from({ length: parts }, (_, index) => copies.find(({ part }) => part === index + 1)?.place ?? 0)
  if (input.keepsOrder && firsts.some((place, index) => index > 0 && place < firsts[index - 1]!))
    complain(`${short(text)} (${id}): parts out of order`)
}

/**
 * The one double that no client can exclude: nothing of it had come to light when it could be taken for lost, and was posted again. A
 * copy that was there before that makes the repetition a mistake.
 */
function wasRightlyRepeated({ world, record }: ChatInput, copies: readonly Pick<Copy, 'message'>[]): boolean {
  const body = JSON.stringify(copies[0]?.message.message)
  const posts = world.mesh.accepted.filter(post => post.sender === world.mesh.bot && JSON.stringify(post.message) === body)
  const lostMs = record.unanswered.has(body) ? LOST_UNANSWERED_MS : LOST_MS
  return posts.slice(0, -1).every(({ acceptedAtMs }) => copies.every(({ message }) => message.reachedAtMs >= acceptedAtMs + lostMs))
}

type Processed = { readonly id: MessageId; readonly sender: string; readonly time: Json | undefined }

/**
 * Per sender: in a group two people’s messages have no order that everybody sees. Nor have those of one sender and one millisecond where an
 * answer of the agent was shuffled.
 */
function judgeOrder(
  processed: readonly Processed[],
  answers: ReadonlyMap<MessageId, readonly Copy[]>,
  isShuffled: boolean,
  complain: (sentence: string) => void,
): void {
  const last = new Map<string, { readonly place: number; readonly time: Json | undefined }>()
  for (const { id, sender, time } of processed) {
    const place = answers.get(id)?.[0]?.place
    if (place === undefined) continue
    const before = last.get(sender)
    const hasOrder = !(isShuffled && before?.time === time)
    if (before && place < before.place && hasOrder) complain(`the answer to ${id} of ${sender} came out of order`)
    last.set(sender, { place: hasOrder ? place : Math.max(place, before?.place ?? place), time })
  }
}
