/**
 * One accepted message on its way to OpenClaw's assistant: route, ingress, context, turn, replies.
 *
 * I1. Whether the message may reach the assistant has been decided before, once; the host's ingress is told facts that lead to the same,
 *     and where it should not, the message is kept with the reason `host_denied`. Whether the sender may give commands is still the
 *     host's to say, from the lists that people wrote and approved.
 * I2. `adopted` is said when the host says that it has the turn. It answers it by itself then, also after a crash, but for two moments in
 *     which it has the turn or its answer in memory alone. So the message is kept until the turn is over, and looked for after a start
 *     that finds it there: in the session's transcript, and among our answers. What was lost is asked under another id, since the host
 *     takes the same one for a duplicate.
 * I3. Final answers go through the host's delivery queue, with the answered message's id; everything else straight to the outbox, and so
 *     do answers about the turn that runs: in the queue they would wait for its end.
 * I4. A session in which an earlier process has left something is the host's until it is through with it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Attachment } from '../domain/attachments.ts'
import { ResponderRefused } from '../domain/errors.ts'
import { answeredBy, type ChatId, type MessageId, parseChat, type ReplyKey } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { fileBytesMaxOf, permissionOf } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Custody, DispatchRequest, Responder, Said, Turn } from '../ports/responder.ts'
import { sectionAt } from '../setup/section.ts'
import type { OpenClawConfig, PluginRuntime } from './host.ts'
import { createLeftovers } from './leftovers.ts'
import { CHANNEL_ID, hostIdOf } from './names.ts'
import { mediaOf, type Outbound } from './outbound.ts'
import { labelOf, placeOf, routeOf, type SessionOf } from './sessions.ts'
import { aborted, pause } from './signals.ts'
import { targetOf } from './targets.ts'
import type { Transcript, Transcripts } from './transcript.ts'
import { type TurnLifecycle, type Turns, turnKey } from './turns.ts'

/** Keeps a file where the host wants it, when it has come in whole; of one that breaks off nothing stays. */
export type SaveMedia = (
  chunks: AsyncIterable<Uint8Array>,
  file: Pick<Attachment, 'name' | 'contentType'>,
  bytesMax: number,
) => Promise<{ readonly path: string; readonly contentType?: string }>

export type ResponderOptions = {
  readonly host: PluginRuntime
  readonly settings: AccountSettings
  /** Everybody whom the gateway's pairing store has approved. */
  readonly approved: () => Promise<readonly string[]>
  readonly outbound: Pick<Outbound, 'deliver' | 'takeOver'>
  /** Null: not to be had now. */
  readonly download: (file: Attachment, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array> | null>
  readonly saveMedia: SaveMedia
  /** Keys of the chat's replies, unsent ones included, as far as they are remembered. */
  readonly known: (chat: ChatId) => readonly ReplyKey[]
  /** Outlives this responder. */
  readonly turns: Turns
  readonly transcripts: Transcripts
  /** When this process began, wall clock ms: what the host's sessions have from before it is an earlier one's. */
  readonly processStartMs: number
  readonly clock: Clock
  readonly log: Log
}

export function createResponder(options: ResponderOptions): Responder {
  const { host, settings, approved, outbound, download, saveMedia, known, turns, transcripts, processStartMs, clock, log } = options
  const { channel } = host
  const leftovers = createLeftovers({ session: host.agent.session, processStartMs, clock })

  async function prepare(request: DispatchRequest, signal: AbortSignal) {
    const { account, chat, sender, timeMs, text, rawText, mentioned, group } = request
    const messageId = hostIdOf(request.messageId, request.losses)
    const cfg = host.config.current() as OpenClawConfig
    const place = placeOf(chat)
    const isGroup = place.kind === 'group'
    const route = routeOf(host, account, place)
    const { sessionKey } = route
    const isCommand = channel.commands.isControlCommandMessage(text, cfg)
    // In a chat that is open to all, all may give commands there, as in the host's own channels.
    const everybody = !isGroup && settings.dmPolicy === 'open' ? ['*'] : []
    const commanders = [...settings.allowFrom, ...(await approved()), ...everybody]
    const access = await channel.inbound.ingress.resolveStable({
      channelId: CHANNEL_ID,
      accountId: account,
      cfg,
      identity: { key: 'mesh-user', normalize: name => name.normalize('NFC'), sensitivity: 'pii', entryIdPrefix: 'ztm-user' },
      subject: { stableId: sender },
      conversation: { kind: place.kind, id: place.id },
      contextBinding: { agentId: route.agentId, sessionKey, messageId, inboundEventKind: 'user_request' },
      readStoreAllowFrom: async () => [],
      dmPolicy: 'allowlist',
      allowFrom: [sender],
      groupPolicy: 'open',
      groupAllowFrom: isGroup ? [...commanders, ...groupCommanders(settings, chat)] : [],
      policy: { groupAllowFromFallbackToAllowFrom: false, activation: { requireMention: false, allowTextCommands: true } },
      mentionFacts: { canDetectMention: isGroup, wasMentioned: mentioned, hasAnyMention: mentioned },
      command: {
        allowTextCommands: channel.commands.shouldHandleTextCommands({ cfg, surface: CHANNEL_ID, commandSource: 'text' }),
        hasControlCommand: isCommand,
        commandOwnerAllowFrom: commanders,
      },
      event: { mayPair: false },
    })
    const { media, missing } = await received(request, signal)
    const to = targetOf(chat)
    // A command asks nothing about the group, and after `/new` there is to be nothing from before.
    const history = isCommand ? [] : shownOf(request, settings, cfg)
    const ctxPayload = () =>
      channel.inbound.buildContext({
        channelIngress: access,
        channel: CHANNEL_ID,
        accountId: account,
        messageId,
        timestamp: timeMs,
        from: `${CHANNEL_ID}:${to}`,
        sender: { id: sender, name: sender },
        conversation: { ...place, label: labelOf(place, group?.name ?? null) },
        route: {
          agentId: route.agentId,
          ...(route.dmScope && { dmScope: route.dmScope }),
          accountId: account,
          routeSessionKey: sessionKey,
        },
        reply: { to: `${CHANNEL_ID}:${to}`, originatingTo: `${CHANNEL_ID}:${to}` },
        message: {
          rawBody: rawText,
          commandBody: text,
          bodyForAgent: [text, ...missing].filter(Boolean).join('\n'),
          inboundEventKind: 'user_request',
          ...(history.length > 0 && {
            inboundHistory: history.map(said => ({ sender: said.sender, body: said.text, timestamp: said.timeMs })),
          }),
        },
        ...(history.length > 0 && { sessionTranscript: { historyLimit: history.length, historyKind: 'recent' as const } }),
        // Without it the host keeps the answer to a command back until the turn that runs is over, and gives it up after 30 s.
        ...(isCommand && access.commandAccess.authorized ? { command: { kind: 'text-slash' as const, body: text } } : {}),
        ...(media.length > 0 ? { media: [...media] } : {}),
        access: {
          commands: { authorized: access.commandAccess.authorized },
          ...(isGroup
            ? {
                mentions: {
                  canDetectMention: true,
                  wasMentioned: mentioned,
                  hasAnyMention: mentioned,
                  explicitlyMentionedBot: mentioned,
                  requireMention: false,
                },
              }
            : {}),
        },
        ...(isGroup ? { supplemental: { groupSystemPrompt: groupHint(settings.username) } } : {}),
        ...(isGroup ? { extra: { GroupSubject: labelOf(place, group?.name ?? null) } } : {}),
      })
    return { cfg, to, access, isCommand, ctxPayload, route }
  }

  /** The files of a message, where the host wants them; what cannot be had is said in a line each. */
  async function received({ account, chat, messageId, losses, files }: DispatchRequest, signal: AbortSignal) {
    const media: { path: string; contentType: string; kind: 'image' | 'video' | 'audio' | 'document'; messageId: string }[] = []
    const missing: string[] = []
    for (const file of files) {
      const over = new AbortController()
      try {
        const chunks = await download(file, AbortSignal.any([signal, over.signal]))
        if (chunks === null) throw new Error('The mesh does not have it at present.')
        const saved = await saveMedia(chunks, file, fileBytesMaxOf(settings))
        media.push({
          path: saved.path,
          contentType: saved.contentType ?? file.contentType,
          kind: kindOf(file.contentType),
          messageId: hostIdOf(messageId, losses),
        })
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ account, chat, id: messageId, file: file.name, err: error }, 'a file of a message could not be had')
        missing.push(`[attachment ${JSON.stringify(file.name)} could not be loaded]`)
      } finally {
        // What the host has not taken would hold its connection.
        over.abort()
      }
    }
    return { media, missing }
  }

  function delivery({ account, chat, messageId, losses, text }: DispatchRequest, to: string, isQueued: () => boolean) {
    const answersAtOnce = isUrgent(text)
    const ordinals = new Map<string, number>()
    // The host says that there is no answer also when the turn under way was just over, and the message has become a turn of its own.
    const isFalseAlarm = (payload: ReplyPayload) => payload.text?.startsWith(NO_ANSWER) === true && isQueued()
    return {
      async deliver(payload: ReplyPayload, { kind }: { kind: string }) {
        if (isFalseAlarm(payload)) {
          log.info({ account, chat, id: messageId }, 'OpenClaw says that there is no answer, and has the message in its queue: not sent')
          return { visibleReplySent: false }
        }
        const ordinal = ordinals.get(kind) ?? 0
        ordinals.set(kind, ordinal + 1)
        const { text = '' } = payload
        const mediaUrls = mediaOf(payload)
        if (text.trim() === '' && mediaUrls.length === 0) return { visibleReplySent: false }
        // The same turn run again, before the host had adopted it, counts the same: the outbox knows the key.
        const key = sideKey(messageId, losses, `${kind}${ordinal}`)
        const keys = await outbound.deliver({ account, chat, text, mediaUrls, key, once: true })
        return { visibleReplySent: true, messageIds: [...keys] }
      },
      durable(payload: ReplyPayload, { kind }: { kind: string }) {
        const hasText = Boolean(payload.text?.trim())
        const hasMedia = mediaOf(payload).length > 0
        if (kind !== 'final' || !(hasText || hasMedia)) return false as const
        // The host's queue takes a lock of the session for each final answer, which the turn that runs holds until it is over.
        if (answersAtOnce || isFalseAlarm(payload)) return false as const
        const requiredCapabilities = { ...(hasMedia ? { media: true } : { text: true }), reconcileUnknownSend: true }
        return { to, replyToId: messageId, requiredCapabilities }
      },
      onError: (error: unknown, { kind }: { kind: string }) =>
        log.error({ account, chat, id: messageId, kind, err: error }, 'answer not delivered'),
    }
  }

  /** A gateway that is going down takes nothing more, for minutes: that is no failure of this message, which waits for the stop. */
  async function respond(request: DispatchRequest, turn: Turn, signal: AbortSignal): Promise<string | null> {
    for (;;) {
      try {
        return await attempt(request, turn, signal)
      } catch (error) {
        if (!isDraining(error)) throw error
      }
      await pause(clock, DRAINING_MS, signal)
    }
  }

  async function untilFree({ account, chat, messageId }: DispatchRequest, turn: Turn, of: SessionOf, signal: AbortSignal): Promise<void> {
    const wait = once(() => {
      log.info({ account, chat, id: messageId }, 'waits until OpenClaw has ended what an earlier process began')
      turn.waits()
    })
    const { isLeft } = await leftovers.untilEnded(of, { wait }, signal)
    if (isLeft) await leftovers.free(of)
  }

  async function reclaim({ account, chat, messageIds }: Custody, signal: AbortSignal): Promise<readonly MessageId[]> {
    const ended = Promise.all(messageIds.map(id => turns.ended(turnKey(account, id))))
    const hasEnded = await Promise.race([ended, aborted(signal)])
    signal.throwIfAborted()
    const ofEarlier = messageIds.filter((_, index) => !hasEnded?.[index])
    if (ofEarlier.length === 0) return []
    const isKnown = (id: MessageId) => known(chat).some(key => answeredBy(key) === id)
    const of = routeOf(host, account, placeOf(chat))
    const wait = once(() =>
      log.info({ account, chat, ids: ofEarlier }, 'waits until OpenClaw is through with what an earlier process began'),
    )
    const isEnough = () => ofEarlier.every(isKnown)
    if (isEnough()) return []
    const { owed, isLeft } = await leftovers.untilEnded(of, { wait, isEnough, anyRun: true }, signal)
    if (isEnough()) return []
    const transcript = await transcripts.of(of)
    if (isLeft) {
      const newest = ofEarlier.findLast(id => transcript.has(id)) ?? ofEarlier.at(-1)
      if (owed && owed.text.trim() !== '' && newest !== undefined && !isKnown(newest)) {
        log.warn({ account, chat, id: newest }, 'OpenClaw has an answer that it does not deliver: it is delivered for it')
        await outbound.takeOver({ account, chat, messageId: newest, ...owed })
      }
      await leftovers.free(of)
    }
    return lostOf(ofEarlier, { transcript, isKnown, processStartMs })
  }

  async function attempt(request: DispatchRequest, turn: Turn, signal: AbortSignal): Promise<string | null> {
    const { account, chat, messageId, timeMs, text, rawText } = request
    const { cfg, to, access, isCommand, ctxPayload, route } = await prepare(request, signal)
    if (access.ingress.admission !== 'dispatch') {
      const { reasonCode } = access.ingress
      if (!access.commandAccess.shouldBlockControlCommand) throw new ResponderRefused(`host_denied: OpenClaw's ingress says ${reasonCode}.`)
      log.info({ account, chat, id: messageId, reason: reasonCode }, 'a command of somebody who may not give any')
      return null
    }
    signal.throwIfAborted()
    // One of them may be what frees the session.
    if (!isCommand && !isUrgent(text)) await untilFree(request, turn, route, signal)

    // The host calls back in the middle of its own work, whose async context must not become ours: timers set in it would carry it
    // on, and the host takes what comes out of work that is over for a leftover ("Gateway is draining").
    const inOwnContext = AsyncLocalStorage.snapshot()
    const ownTurn = { adopted: () => inOwnContext(() => turn.adopted()) }
    const begin = async (lifecycle: TurnLifecycle, isQueued: () => boolean) => {
      const { admission } = await channel.inbound.run({
        channel: CHANNEL_ID,
        accountId: account,
        raw: request,
        turnAdoptionLifecycle: lifecycle,
        adapter: {
          ingest: raw => ({
            id: hostIdOf(request.messageId, request.losses),
            timestamp: timeMs,
            rawText,
            textForAgent: text,
            textForCommands: text,
            raw,
          }),
          resolveTurn: () => ({
            cfg,
            channel: CHANNEL_ID,
            accountId: account,
            route,
            ctxPayload: ctxPayload(),
            delivery: delivery(request, to, isQueued),
            // Only of somebody who answers as fast as a bot: the host's budget would else stop people who write much.
            ...(request.alternations > 0 ? { botLoopProtection: loopFacts(request, settings.username, cfg) } : {}),
          }),
        },
      })
      if (admission?.kind === 'drop') throw new ResponderRefused(`host_denied: OpenClaw has dropped the message: ${admission.reason}.`)
    }
    log.debug({ account, chat, id: messageId }, 'turn handed over')
    await turns.follow(turnKey(account, messageId), isUrgent(text) ? null : route.sessionKey, ownTurn, signal, begin)
    return null
  }

  return { respond, isUrgent, reclaim }
}

type ReplyPayload = { readonly text?: string; readonly mediaUrl?: string; readonly mediaUrls?: readonly string[] }

function kindOf(contentType: string): 'image' | 'video' | 'audio' | 'document' {
  const [family = ''] = contentType.split('/')
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}

/** In a session one turn follows the other; `ids` in the order in which they were handed over. */
function lostOf(
  ids: readonly MessageId[],
  { transcript, isKnown, processStartMs }: { transcript: Transcript; isKnown: (id: MessageId) => boolean; processStartMs: number },
): readonly MessageId[] {
  const newestKnown = ids.findLastIndex(id => transcript.has(id) && isKnown(id))
  return ids.filter((id, index) => {
    if (isKnown(id)) return false
    const answer = transcript.answerTo(id)
    // It has gone from the session when what came after it is answered there.
    if (answer === null) return index > newestKnown
    // An answer that nobody has seen was lost with the process that made it, unless that is this one: then it was not meant to be seen.
    return answer.atMs < processStartMs && !answer.to.some(isKnown)
  })
}

/** How the host's own sentence begins about a turn that has come to nothing. */
const NO_ANSWER = "⚠️ OpenClaw couldn't produce or deliver a reply."

/** Between two tries while the gateway goes down. */
const DRAINING_MS = 1_000

/** What a turn shows of its tools is not what it was asked for, so that its key is none of an answer's. */
const sideKey = (id: MessageId, losses: number, name: string): string =>
  name.startsWith('tool') ? `${hostIdOf(id, losses)}/${name}` : `${id}#${losses > 0 ? `${losses}.` : ''}${name}`

const once = (action: () => void): (() => void) => {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

const isDraining = (error: unknown): boolean => error instanceof Error && (error.name === 'GatewayDrainingError' || isDraining(error.cause))

/** Who may give commands in a group, besides those who may everywhere: its creator, and whom its own list names. */
function groupCommanders(settings: AccountSettings, chat: ChatId): readonly string[] {
  const place = parseChat(chat)
  if (place.kind === 'peer') return []
  const permission = permissionOf(settings, place.creator, place.group)
  return [place.creator, ...permission.allowFrom]
}

/** What was said before, as far as it is to be shown: the account's own limit counts, or else the gateway's for all channels. */
function shownOf({ history }: DispatchRequest, { historyLimit }: AccountSettings, cfg: OpenClawConfig): readonly Said[] {
  const { historyLimit: ofAll } = sectionAt(cfg.messages, 'groupChat')
  const limit = historyLimit ?? (typeof ofAll === 'number' ? ofAll : null)
  return limit === null ? history : limit > 0 ? history.slice(-limit) : []
}

const groupHint = (username: string): string =>
  `This is a group chat on a ZTM mesh. People address you as @${username}; what they write to each other is not for you. Answer briefly.`

const loopFacts = ({ account, chat, messageId, sender }: DispatchRequest, username: string, cfg: OpenClawConfig) => ({
  scopeId: account,
  conversationId: chat,
  senderId: sender,
  receiverId: username,
  eventId: messageId,
  defaultEnabled: true,
  // `channels.defaults.botLoopProtection`: the host leaves it to the channel to look it up.
  defaultsConfig: sectionAt(sectionAt(cfg.channels, 'defaults'), 'botLoopProtection'),
})

/** Commands about the turn that runs, and the words by which the host takes a message for a stop. */
const ABOUT_THE_TURN =
  /^\s*(?:\/(?:stop|abort|approve|deny|status|help|commands|whoami|queue|steer|tell|btw|side|kill)(?:[\s:@]|$)|(?:stop|esc|abort|wait|exit|interrupt|halt|please stop|stop please)[\s.!…]*$)/i

/** It would be about nothing if it waited until that turn is over. */
export const isUrgent = (text: string): boolean => ABOUT_THE_TURN.test(text)
