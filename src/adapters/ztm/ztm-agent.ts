import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ConfigInvalid, MalformedAnswer, ZtmAgentUnreachable } from '../../domain/errors.ts'
import { type ChatId, parseChat } from '../../domain/ids.ts'
import type { Json } from '../../domain/json.ts'
import type { Limits } from '../../domain/limits.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ZtmAgent } from '../../ports/ztm-agent.ts'
import {
  appInfoAnswer,
  createSieve,
  endpointEntry,
  fileEntry,
  fit,
  groupAnswer,
  hashAnswer,
  isFileEntry,
  listingError,
  logEntry,
  meshAnswer,
  type OnOddity,
  permitAnswer,
  publicKeyAnswer,
  rawMessage,
  readAs,
  readList,
  readText,
  userEntry,
  versionAnswer,
} from './answers.ts'
import { readChats, readEachChat } from './chat-list.ts'
import { type Answer, type ExchangeRequest, exchange, type OtherSide } from './exchange.ts'
import { createReader, watched } from './file-content.ts'
import { createListingReader } from './file-listing.ts'
import { checkName, faultOfText, filePath, piece } from './names.ts'
import type { Transport } from './transport.ts'

export interface ZtmAgentOptions {
  /** Of the agent's port; a path in front of `/api` is kept. */
  readonly baseUrl: string
  readonly mesh: string
  /** One call; the long-poll has none. */
  readonly apiTimeoutMs: number
  readonly limits: Pick<Limits, LimitName>
  readonly clock: Clock
  /** Belongs to this client from now on: `close` closes it. */
  readonly transport: Transport
  readonly onOddity?: OnOddity
}

/** The agent's own default is 100, and our endpoint missing from the list means that the agent is broken. */
const ENDPOINTS_ASKED_FOR = 10_000

type LimitName = 'listBytes' | 'fileBytes' | 'indexBytes'

type Call = Partial<
  Pick<ExchangeRequest, 'method' | 'body' | 'contentType' | 'pool' | 'expected' | 'timeoutMs' | 'statuses' | 'onData'>
> & {
  readonly limit?: LimitName
  /** Instead of a limit of the table, and what the config calls it. */
  readonly maxBytes?: number
  readonly limitName?: string
}

export function createZtmAgent({ baseUrl, mesh, apiTimeoutMs, limits, clock, transport, onOddity = () => {} }: ZtmAgentOptions): ZtmAgent {
  const base = baseOf(baseUrl)
  const closing = new AbortController()

  // Called with the path at hand, so that an unsafe name rejects before anything is sent.
  const call = async (path: string, signal: AbortSignal | undefined, options: Call = {}): Promise<Answer> => {
    const { method = 'GET', limit = 'fileBytes', ...rest } = options
    const url = `${base}/api${path}`
    if (closing.signal.aborted) throw new ZtmAgentUnreachable(`${method} ${base}/api was not sent: this client is closed. Open a new one.`)
    return exchange(
      {
        pool: method === 'GET' ? 'read' : 'post',
        expected: [200],
        timeoutMs: apiTimeoutMs,
        maxBytes: limits[limit],
        limitName: `limits.${limit}`,
        ...rest,
        method,
        url,
      },
      { transport, clock, otherSide: theAgent, signals: signal ? [signal, closing.signal] : [closing.signal] },
    )
  }
  const post = (path: string, value: Json, signal: AbortSignal | undefined, options: Call = {}): Promise<Answer> =>
    call(path, signal, { method: 'POST', contentType: 'application/json', body: utf8(JSON.stringify(value)), expected: [201], ...options })

  const listOfChats = (signal?: AbortSignal) => call(`${appPath()}/chats`, signal, { limit: 'listBytes' })
  const meshPath = () => `/meshes/${piece('mesh name', mesh)}`
  const appPath = () => `${meshPath()}/apps/ztm/chat/api`
  const groupPath = (creator: string, group: string) => `${appPath()}/groups/${piece('creator name', creator)}/${piece('group id', group)}`
  const messagesPath = (chat: ChatId) => {
    const conversation = parseChat(chat)
    return conversation.kind === 'peer'
      ? `${appPath()}/peers/${piece('user name', conversation.peer)}/messages`
      : `${groupPath(conversation.creator, conversation.group)}/messages`
  }

  return {
    async version(signal) {
      const { tag, commit } = readAs(await call('/version', signal), versionAnswer).ztm
      return { tag, commit }
    },
    async identity(signal) {
      const answer = await call('/identity', signal)
      return fit(answer, publicKeyAnswer, readText(answer))
    },
    async meshes(signal) {
      return readList(await call('/meshes', signal, { limit: 'listBytes' }), meshAnswer, onOddity)
    },
    async mesh(signal) {
      const answer = await call(meshPath(), signal, { expected: [200, 404] })
      return answer.status === 404 ? null : readAs(answer, meshAnswer)
    },
    async join(permit, signal) {
      return readAs(await post(meshPath(), permit, signal), meshAnswer)
    },
    async leave(signal) {
      await call(meshPath(), signal, { method: 'DELETE', expected: [204] })
    },
    async meshLog(signal) {
      return readList(await call(`${meshPath()}/log`, signal, { limit: 'listBytes', statuses: whenNotJoined }), logEntry, onOddity)
    },
    async endpoints(signal) {
      return readList(
        await call(`${meshPath()}/endpoints?limit=${ENDPOINTS_ASKED_FOR}`, signal, { limit: 'listBytes' }),
        endpointEntry,
        onOddity,
      )
    },
    async endpoint(id, signal) {
      const found = readList(await call(`${meshPath()}/endpoints?id=${encodeURIComponent(id)}`, signal), endpointEntry, onOddity)
      return found.find(endpoint => endpoint.id === id) ?? null
    },
    async issuePermit(user, publicKey, signal) {
      checkPublicKey(publicKey)
      return readAs(
        await call(`${meshPath()}/permits/${piece('user name', user)}`, signal, {
          method: 'POST',
          contentType: 'text/plain',
          body: utf8(publicKey),
          statuses: { 403: 'Only root may issue permits, on a mesh that is joined, while the hub is there.' },
        }),
        permitAnswer,
      )
    },

    async files({ sinceMs, wait = false, keep = () => true }, take, signal) {
      const sieve = createSieve(pathAndFile, take)
      const reader = createListingReader(keep, (path, entry) => {
        // There may be a million of them: the schema has the word on those that do not fit.
        if (!isFileEntry(entry)) return sieve.put(path, { path, entry })
        sieve.pass()
        const { hash, size, time, since } = entry
        take(since === undefined ? { path, hash, size, time } : { path, hash, size, time, since })
      })
      const answer = await call(`${meshPath()}/files?since=${wholeMs(sinceMs)}${wait ? '&wait=true' : ''}`, signal, {
        limit: 'indexBytes',
        onData: reader.write,
        ...(wait && { pool: 'wait', timeoutMs: null }),
      })
      const fault = reader.end()
      if (fault !== null) throw listingError(answer, fault)
      sieve.tell(answer.route, onOddity)
      return reader.listed()
    },
    async fileData(path, signal) {
      const answer = await call(`${meshPath()}/file-data${filePath(path)}`, signal, { expected: [200, 404] })
      return answer.status === 404 ? null : answer.body
    },

    async appUser(signal) {
      return readAs(await call(`${appPath()}/appinfo`, signal), appInfoAnswer).username
    },
    async users(signal) {
      return readList(await call(`${appPath()}/users`, signal, { limit: 'listBytes' }), userEntry, onOddity)
    },
    async chats(signal) {
      return readChats(await listOfChats(signal), onOddity)
    },
    async chatsUnless(before, take, signal) {
      const answer = await listOfChats(signal)
      // A list of 10,000 chats takes fifty times as long to read.
      const mark = createHash('sha256').update(answer.body).digest('base64')
      const isSame = mark === before
      if (!isSame) readEachChat(answer, onOddity, take)
      return { mark, isSame }
    },
    async messages(chat, sinceMs, signal) {
      const answer = await call(`${messagesPath(chat)}?since=${wholeMs(sinceMs)}`, signal, { expected: [200, 404] })
      return answer.status === 404 ? null : readAs(answer, z.array(z.unknown())).map(rawMessage)
    },
    async post(chat, message, signal) {
      await post(messagesPath(chat), message, signal, { statuses: { 404: 'The group is unknown, or the bot is not in it.' } })
    },
    async group(creator, group, signal) {
      const answer = await call(groupPath(creator, group), signal, { expected: [200, 404] })
      return answer.status === 404 ? null : readAs(answer, groupAnswer)
    },
    async setGroup(creator, group, { name, members }, signal) {
      if (name !== undefined) checkName('display name', name, faultOfText(name))
      for (const member of members ?? []) checkName('member name', member)
      const change = { ...(name !== undefined && { name }), ...(members && { members }) }
      await post(groupPath(creator, group), change, signal, { statuses: { 403: 'Only its creator may change a group.' } })
    },
    async uploadFile(given, signal) {
      const { content, failure, hash } = watched(given)
      const contentType = 'application/octet-stream'
      const answer = await call(`${appPath()}/files`, signal, { method: 'POST', contentType, body: content }).catch(error => {
        throw failure() ?? error
      })
      const kept = fit(answer, hashAnswer, readText(answer).trim())
      if (kept !== hash())
        throw new MalformedAnswer(
          `${answer.route()} gave the hash of another content than what was sent: it was changed on its way; send it again.`,
        )
      return kept
    },
    async downloadFile(owner, hash, bytesMax, signal) {
      const path = `${appPath()}/files/${piece('owner name', owner)}/${piece('file hash', hash)}`
      const { begun, chunks, write, end, fail } = createReader(
        hash,
        () =>
          new MalformedAnswer(
            `GET ${base}/api${path} gave another content than that of its hash; whoever put it there has to do so again.`,
          ),
      )
      const answer = call(path, signal, { expected: [200, 404], maxBytes: bytesMax, limitName: 'mediaMaxMb', onData: write })
      answer.then(end, fail)
      return (await Promise.race([begun, answer]))?.status === 404 ? null : chunks
    },

    async close() {
      closing.abort()
      await transport.close()
    },
  }
}

const pathAndFile = z.object({ path: z.string(), entry: fileEntry }).transform(({ path, entry }) => ({ path, ...entry }))

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Downwards, so that nothing is left out; what is no time means all. The agent would answer `{}` to a NaN. */
const wholeMs = (ms: number): number => (Number.isFinite(ms) ? Math.max(0, Math.floor(ms)) : 0)

function baseOf(baseUrl: string): string {
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    throw new ConfigInvalid([`agentUrl is no http or https URL; expected something like http://localhost:7777.`])
  }
  const { origin, pathname } = new URL(baseUrl)
  return origin + pathname.replace(/\/+$/, '')
}

/** A garbage key is refused with 403, and the hub then drops the agent for good. */
function checkPublicKey(publicKey: string): void {
  if (publicKeyAnswer.safeParse(publicKey).success) return
  throw new ConfigInvalid([
    'The public key is no PEM ("-----BEGIN PUBLIC KEY-----"); nothing was sent, take the identity of the new agent.',
  ])
}

const whenNotJoined = { 404: 'The mesh is not joined.' }

const theAgent: OtherSide = {
  name: 'the ZTM agent',
  option: 'agentUrl',
  whenUnreachable: 'Is the ZTM agent running there?',
  whenSilent: 'Is the ZTM agent still running, and is its hub within reach?',
  whenNotJson: 'Is agentUrl the address of a ZTM agent, version 2?',
  whenEmpty: 'the hub is probably away',
  statuses: {
    401: 'Something in front of the ZTM agent wants a login; let this client pass.',
    403: 'Something in front of the ZTM agent, or the mesh, does not allow it; check the rights of this user.',
    404: 'Is agentUrl the address of a ZTM agent, version 2?',
    405: 'Is agentUrl the address of a ZTM agent, version 2?',
    502: 'The mesh is not joined; join it, or correct meshName.',
    503: 'The chat app is not running: the ZTM agent is not connected to a hub, or has no such app.',
  },
}
