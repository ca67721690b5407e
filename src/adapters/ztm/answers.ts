import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { MalformedAnswer } from '../../domain/errors.ts'
import type { Json } from '../../domain/json.ts'
import { printable } from '../../domain/shown.ts'
import type { Endpoint, FileEntry, GroupInfo, Mesh, RawMessage } from '../../ports/ztm-agent.ts'
import type { Answer } from './exchange.ts'
import type { ListingFault } from './file-listing.ts'
import { eachEntry } from './list-entries.ts'

/** Hears what was skipped or put right in an answer that was otherwise usable: at most one sentence for each answer. */
export type OnOddity = (route: string, sentence: string) => void

export function readText({ body }: Answer): string {
  return new TextDecoder().decode(body)
}

const emptyBody = ({ route, whenEmpty }: Answer) =>
  new MalformedAnswer(`${route()} answered with an empty body where JSON is due; ${whenEmpty}.`)

export function readJson(answer: Answer): unknown {
  const text = readText(answer).trim()
  if (text === '') throw emptyBody(answer)
  try {
    return JSON.parse(text)
  } catch {
    // The text itself stays out of the sentence, and so does the cause, which quotes it: it may be somebody's message.
    const found = text.startsWith('<') ? 'an HTML page' : `${answer.body.length} bytes of something else`
    throw new MalformedAnswer(`${answer.route()} answered ${found} where JSON is due. ${answer.whenNotJson}`)
  }
}

/** The value as the schema has it, or an error that names route and field. */
export function fit<T>(answer: Answer, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new MalformedAnswer(`${answer.route()} gave ${problemOf(result.error)}. ${answer.whenNotJson}`)
}

export const readAs = <T>(answer: Answer, schema: z.ZodType<T>): T => fit(answer, schema, readJson(answer))

/** What a listing reader found in an answer in place of a listing. */
export function listingError(answer: Answer, fault: ListingFault): MalformedAnswer {
  if (fault === 'empty') return emptyBody(answer)
  const found = {
    page: 'answered an HTML page where JSON is due',
    'no object': 'gave something unusable (expected object)',
    'no JSON': 'answered something else where JSON is due',
  }
  return new MalformedAnswer(`${answer.route()} ${found[fault]}. ${answer.whenNotJson}`)
}

/** An array whose entries stand for themselves: one that is unusable must not hide the others. */
export function readList<T>(answer: Answer, schema: z.ZodType<T>, onOddity: OnOddity): T[] {
  const fitting: T[] = []
  readEach(answer, schema, onOddity, entry => fitting.push(entry))
  return fitting
}

/** The same for a long list: none of it is kept. When this throws, what was taken is worth nothing. */
export function readEach<T>(answer: Answer, schema: z.ZodType<T>, onOddity: OnOddity, take: (fitting: T) => void): void {
  const sieve = createSieve(schema, take)
  let index = 0
  // What is no list as a whole has the sentence that says so.
  if (!eachEntry(answer.body, entry => sieve.put(index++, entry))) throw notTheList(answer)
  sieve.tell(answer.route, onOddity)
}

function notTheList(answer: Answer): unknown {
  try {
    readAs(answer, z.array(z.unknown()))
  } catch (error) {
    return error
  }
  return new MalformedAnswer(`${answer.route()} gave a list that cannot be taken apart. ${answer.whenNotJson}`)
}

/** Takes what fits, and tells at the end what did not. */
export function createSieve<T>(schema: z.ZodType<T>, take: (fitting: T) => void) {
  let count = 0
  let skipped = 0
  let firstProblem = ''
  return {
    /** One that is known to fit. */
    pass() {
      count += 1
    },
    /** A number is a place in a list. */
    put(name: string | number, entry: unknown) {
      count += 1
      const result = schema.safeParse(entry)
      if (result.success) take(result.data)
      else if (skipped++ === 0) firstProblem = `${typeof name === 'number' ? `[${name}]` : printable(name)}: ${problemOf(result.error)}`
    },
    tell(route: () => string, onOddity: OnOddity) {
      if (skipped > 0) onOddity(route(), `${skipped} of ${count} entries were skipped; the first is ${firstProblem}.`)
    },
  }
}

/** `an unusable ztm.tag (expected string, received number)`; never a value, which may be somebody's message. */
function problemOf(error: z.ZodError): string {
  const issue = error.issues[0]
  const field = issue?.path.map(String).join('.')
  return `${field ? `an unusable ${printable(field)}` : 'something unusable'} (${printable(issue?.message ?? '').replace(/^Invalid input: /, '')})`
}

const json = z.custom<Json | undefined>(() => true).optional()

export const versionAnswer = z.object({ ztm: z.object({ tag: z.string(), commit: z.string() }) })

export const appInfoAnswer = z.object({ username: z.string().min(1) })

const meshError = z.object({ time: z.string(), message: z.string() })

export const meshAnswer = z
  .object({
    name: z.string(),
    connected: z.boolean(),
    agent: z.object({ id: z.string().nullish(), username: z.string().nullish(), certificate: z.string().nullish() }).nullish(),
    errors: z.array(z.unknown()).nullish(),
  })
  .transform(
    ({ name, connected, agent, errors }): Mesh => ({
      name,
      connected,
      ...(agent?.username && { username: agent.username }),
      ...(agent?.id && { endpointId: agent.id }),
      ...(agent?.certificate && { certificate: agent.certificate, ...expiryOf(agent.certificate) }),
      errors: (errors ?? []).flatMap(error => meshError.safeParse(error).data ?? []),
    }),
  )

function expiryOf(pem: string): { certificateExpiresAtMs?: number } {
  try {
    return { certificateExpiresAtMs: new X509Certificate(pem).validToDate.getTime() }
  } catch {
    // Garbage in place of a certificate shows as a missing user, too.
    return {}
  }
}

export const logEntry = z.object({ time: z.string(), type: z.string(), message: z.string() })

export const endpointEntry = z
  .object({
    id: z.string(),
    name: z.unknown().optional(),
    username: z.string(),
    online: z.boolean(),
    isLocal: z.boolean(),
    heartbeat: z.unknown().optional(),
  })
  // The name is whatever that endpoint calls itself; the rest comes from its certificate and from the hub.
  .transform(
    ({ name, heartbeat, ...endpoint }): Endpoint => ({
      ...endpoint,
      name: typeof name === 'string' ? name : '',
      ...(typeof heartbeat === 'number' && { heartbeatMs: heartbeat }),
    }),
  )

export const fileEntry = z
  .object({ hash: z.string(), size: z.number(), time: z.number(), since: z.number().optional() })
  .transform(({ since, ...file }): Omit<FileEntry, 'path'> => (since === undefined ? file : { ...file, since }))

/** As the schema above has it, and many times as fast. */
export const isFileEntry = (value: unknown): value is Omit<FileEntry, 'path'> =>
  typeof value === 'object' &&
  value !== null &&
  'hash' in value &&
  typeof value.hash === 'string' &&
  'size' in value &&
  Number.isFinite(value.size) &&
  'time' in value &&
  Number.isFinite(value.time) &&
  (!('since' in value) || value.since === undefined || Number.isFinite(value.since))

/** A group as its creator wrote it: the name may be any JSON, and so may each member. What is no string cannot be a user. */
export const groupAnswer = z
  .object({ creator: z.string(), group: z.string(), name: z.unknown().optional(), members: z.array(z.unknown()) })
  .transform(
    ({ creator, group, name, members }): GroupInfo => ({
      creator,
      group,
      name: typeof name === 'string' ? name : '',
      members: members.filter(member => typeof member === 'string'),
    }),
  )

/** Only a whole permit may be given to the agent: it takes anything, and breaks a working mesh with it. */
export const permitAnswer = z
  .object({
    ca: z.string().min(1),
    agent: z.object({ certificate: z.string().min(1) }).catchall(json),
    bootstraps: z.array(z.string()).min(1),
  })
  .catchall(json)

export const hashAnswer = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits')

export const publicKeyAnswer = z
  .string()
  .regex(/^-----BEGIN [A-Z ]*PUBLIC KEY-----\s[\s\S]+-----END [A-Z ]*PUBLIC KEY-----\s*$/, 'expected a PEM public key')

export const userEntry = z.string().min(1)

/** Every entry counts: one without a usable sender is nobody's, and its reader decides. */
const messageEntry = z.object({ time: json, message: json, sender: z.string().catch('') }).catch({ sender: '' })

export function rawMessage(entry: unknown): RawMessage {
  const { time, message, sender } = messageEntry.parse(entry)
  return { time, message, sender }
}
