/** Accepted messages on their way to the responder: so many at once, the senders in turn, one of a chat at a time. */
import type { ChatEvent } from '../../machines/chat.ts'
import type { Inbound } from '../../machines/records.ts'
import { type Attachment, attachmentsOf } from '../domain/attachments.ts'
import { ResponderRefused } from '../domain/errors.ts'
import { type ChatId, type MessageId, parseChat, type UserName } from '../domain/ids.ts'
import { findMention } from '../domain/mention.ts'
import { makeSafe, splitReply } from '../domain/reply.ts'
import { type AccountSettings, permissionOf } from '../domain/settings.ts'
import { mergeTools } from '../domain/tools.ts'
import type { Clock } from '../ports/clock.ts'
import type { DispatchRequest, Responder, Said } from '../ports/responder.ts'
import type { GroupNames } from './group-names.ts'
import type { Senders } from './senders.ts'

const urlOf = ({ agentUrl, meshName }: AccountSettings, { owner, hash }: Attachment): string =>
  `${agentUrl.replace(/\/+$/, '')}/api/meshes/${encodeURIComponent(meshName)}/apps/ztm/chat/api/files/${encodeURIComponent(owner)}/${hash}`

export const APOLOGY = 'Sorry, I could not answer that. Please try again later.'

export interface Dispatcher {
  /** `urgent` ones wait for no slot: there is one a chat at most, and it is short. */
  submit(params: { chat: ChatId; id: MessageId; attempt: number; urgent: boolean }): void
  /** The record of an adoption has been applied. */
  adopted(id: MessageId): void
  /** Nothing will be recorded any more. */
  close(): void
  waiting(): number
  running(): number
  /** Starts nothing more; what runs gets `graceMs`, then its signal fires; what is in custody need not be waited for. Resolves when none runs. */
  drain(graceMs: number): Promise<void>
}

export type DispatcherOptions = {
  readonly settings: AccountSettings
  readonly responder: Responder
  readonly clock: Clock
  readonly senders: Pick<Senders, 'waitMs' | 'spend'>
  readonly message: (chat: ChatId, id: MessageId) => Inbound | undefined
  readonly alternations: (chat: ChatId, sender: UserName) => number
  /** What was said in the chat before this message. */
  readonly history: (chat: ChatId, id: MessageId) => readonly Said[]
  readonly groupNames: GroupNames
  readonly tell: (chat: ChatId, event: ChatEvent) => void
  readonly onStart: (chat: ChatId, id: MessageId, attempt: number) => void
}

type Job = { chat: ChatId; id: MessageId; attempt: number; urgent: boolean }
type Running = Job & {
  /** Resolves when it is recorded. */
  adoption: Promise<void> | null
  readonly giveUp: () => void
}

export function createDispatcher({
  settings,
  responder,
  clock,
  senders,
  message,
  alternations,
  history,
  groupNames,
  tell,
  onStart,
}: DispatcherOptions): Dispatcher {
  const { limits } = settings
  /** By sender, in the order of their turns: one who writes in many chats gets no more of them. */
  const lines = new Map<UserName, Job[]>()
  let cancelWait = () => {}
  const running = new Set<Running>()
  /** By message: a chart that was put back may ask for one twice. */
  const adoptions = new Map<MessageId, { resolve: () => void; reject: (error: Error) => void }[]>()
  let taken = 0
  let draining = false
  let drained: (() => void) | null = null

  const nameOf = (chat: ChatId): Promise<string | null> | null => {
    const conversation = parseChat(chat)
    return conversation.kind === 'peer' ? null : groupNames.of(conversation.creator, conversation.group)
  }

  const requestFor = (
    { chat, id, attempt }: Job,
    { sender, timeMs, text, files, losses = 0 }: Inbound,
    name: string | null,
  ): DispatchRequest => {
    const conversation = parseChat(chat)
    const mention = findMention(text, settings.username)
    const base = {
      account: settings.id,
      chat,
      messageId: id,
      sender,
      timeMs,
      rawText: text,
      mentioned: mention.mentioned,
      history: history(chat, id),
      alternations: alternations(chat, sender),
      files: attachmentsOf(files, sender).map(file => ({ ...file, url: urlOf(settings, file) })),
      attempt,
      losses,
    }
    if (conversation.kind === 'peer') return { ...base, text, group: null, tools: null }
    const { creator, group } = conversation
    const permission = permissionOf(settings, creator, group)
    return { ...base, text: mention.text, group: { creator, group, name }, tools: mergeTools(permission, sender) }
  }

  /** What becomes of it after its adoption is waited for, or asked after the next start. */
  const isKept = ({ urgent }: Job) => responder.reclaim !== undefined && !urgent

  const run = async (job: Job) => {
    const abort = new AbortController()
    const entry: Running = {
      ...job,
      adoption: null,
      giveUp() {
        abort.abort()
        // One that ignores its signal is left behind: its result is dropped, and nothing waits for it.
        over = true
        cancelTimeout()
      },
    }
    const { chat, id, attempt } = job
    running.add(entry)
    let holdsSlot = !job.urgent
    if (holdsSlot) taken += 1
    const freeSlot = () => {
      if (!holdsSlot) return
      holdsSlot = false
      taken -= 1
      next()
    }
    let over = false
    const fail = (reason: string, isFinal = false) => {
      if (over || entry.adoption) return
      over = true
      tell(chat, {
        type: 'dispatch.failed',
        id,
        attempt,
        reason,
        attemptsMax: isFinal ? attempt : limits.dispatchAttempts,
        // Where the responder refuses somebody it is not for us to say more.
        apology: settings.notifyOnFailure && !isFinal ? APOLOGY : null,
      })
    }
    const leave = () => {
      if (!running.delete(entry)) return
      freeSlot()
      if (draining && running.size === 0) drained?.()
    }
    const cancelTimeout = clock.after(limits.dispatchTimeoutMs, () => {
      if (entry.adoption) return
      fail(`The responder gave no answer within ${Math.round(limits.dispatchTimeoutMs / 1000)} s.`)
      abort.abort()
      // One that ignores its signal is left behind, without its slot.
      leave()
    })
    const adoption = (): Promise<void> => {
      // Recorded for an earlier asking: a chart that was put back had asked twice.
      if (message(chat, id) === undefined) return Promise.resolve()
      return new Promise((resolve, reject) => {
        adoptions.set(id, [...(adoptions.get(id) ?? []), { resolve, reject }])
        tell(chat, { type: 'dispatch.adopted', id, attempt, custody: isKept(job) })
      })
    }
    try {
      const inbound = message(chat, id)
      if (!inbound) throw new Error(`Message ${id} is not kept any more.`)
      onStart(chat, id, attempt)
      // What is urgent waits for nothing.
      const naming = job.urgent ? null : nameOf(chat)
      const name = naming && (await naming)
      // Given up meanwhile, or the account stops: nothing is asked any more.
      if (over || draining) return
      const answer = await responder.respond(
        requestFor(job, inbound, name),
        {
          waits: freeSlot,
          adopted: () => {
            if (over) return Promise.reject(new Error('This attempt was given up; the message is dispatched again under the same id.'))
            // Whoever has adopted it bounds its own work: it must not keep others from being dispatched.
            freeSlot()
            entry.adoption ??= adoption()
            return entry.adoption
          },
        },
        abort.signal,
      )
      if (!over && !entry.adoption) {
        over = true
        const text = makeSafe(answer ?? '')
        tell(chat, { type: 'dispatch.answered', id, attempt, parts: text.trim() === '' ? [] : splitReply(text, limits.partCharacters) })
      }
    } catch (error) {
      // At a stop that has given it up the attempt is not counted: the message is asked again after the start, under the same id.
      fail(error instanceof Error ? error.message : String(error), error instanceof ResponderRefused)
    } finally {
      cancelTimeout()
      leave()
    }
    if (!isKept(job)) return
    const end = () => {
      if (!over) tell(chat, { type: 'dispatch.over', id })
    }
    // The record of an adoption that was refused by a stop is missing: the message is dispatched again after the start.
    entry.adoption?.then(end, () => {})
  }

  /** The next sender's first; null when all of them have to wait. */
  const pick = (): Job | null => {
    let waitMs = Number.POSITIVE_INFINITY
    for (const [sender, jobs] of lines) {
      const senderWaitsMs = senders.waitMs(sender)
      waitMs = Math.min(waitMs, senderWaitsMs)
      if (senderWaitsMs > 0) continue
      const [job, ...others] = jobs
      lines.delete(sender)
      if (others.length > 0) lines.set(sender, others)
      if (!job) continue
      senders.spend(sender)
      return job
    }
    if (Number.isFinite(waitMs)) {
      cancelWait()
      cancelWait = clock.after(waitMs, next)
    }
    return null
  }

  const next = () => {
    while (!draining && taken < limits.dispatches) {
      const job = pick()
      if (!job) return
      void run(job)
    }
  }

  return {
    submit(job) {
      if (job.urgent && !draining) return void run(job)
      const sender = message(job.chat, job.id)?.sender ?? ''
      lines.set(sender, [...(lines.get(sender) ?? []), job])
      next()
    },
    adopted(id) {
      for (const { resolve } of adoptions.get(id) ?? []) resolve()
      adoptions.delete(id)
    },
    close() {
      for (const { reject } of [...adoptions.values()].flat()) reject(new Error('The account stopped before the adoption was recorded.'))
      adoptions.clear()
    },
    waiting: () => [...lines.values()].reduce((sum, jobs) => sum + jobs.length, 0),
    running: () => running.size,
    async drain(graceMs) {
      draining = true
      cancelWait()
      for (const one of running) {
        if (!one.adoption || !isKept(one)) continue
        one.giveUp()
        running.delete(one)
      }
      if (running.size === 0) return
      const cancel = clock.after(graceMs, () => {
        for (const { giveUp } of running) giveUp()
        drained?.()
      })
      await new Promise<void>(resolve => {
        drained = resolve
      })
      cancel()
    },
  }
}
