/**
 * The one description of the config: what is accepted, and for each option its label, its default and its sentence for people.
 * The JSON Schema, the UI hints, the README's table and every error derive from it. The message of a zod issue is always what was
 * expected, so that problems.ts can put the found value before it.
 */
import { z } from 'zod'
import { GROUP_POLICIES } from '../decision.ts'
import { LIMITS, type Limits } from '../limits.ts'
import { HISTORY_LIMIT } from '../settings.ts'
import { DURATION, durationMs } from './duration.ts'
import { LIMIT_NOTES } from './limit-notes.ts'
import { agentUrlFault, permitUrlFault } from './url.ts'

export type OptionNotes = {
  readonly label: string
  /** The type as the README writes it. */
  readonly type: string
  /** What counts when neither the account nor the root says anything. */
  readonly default?: boolean | number | string | readonly string[] | Readonly<Record<string, boolean>>
  readonly notes: string
  readonly placeholder?: string
  readonly sensitive?: boolean
  readonly advanced?: boolean
  /** An option of the older plugin: taken, and without effect. */
  readonly retired?: boolean
}

export const optionNotes = z.registry<OptionNotes>()

/** A key written with nothing after it counts as not set. */
function option<Schema extends z.ZodType>(schema: Schema, notes: OptionNotes): z.ZodOptional<z.ZodNullable<Schema>> {
  const optional = schema.nullish()
  optionNotes.add(optional, notes)
  return optional
}

/** Timers count in 31 bits; a longer wait would fire at once. */
const INTEGER_MAX = 2 ** 31 - 1
const FIRST_SYNC_MS_MAX = 30 * 24 * 3_600_000
const MEDIA_MB_MAX = 1_024
/** OpenClaw puts no more into a prompt. */
const HISTORY_MAX = 200
const A_SIZE = `a number above 0, at most ${MEDIA_MB_MAX}`

const yesNo = z.boolean({ error: 'true or false' })
const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values, error: string) => z.enum(values, { error })
const whole = (min: number, max: number, what: string) => {
  const error = `${what} from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}
const text = (error: string) => z.string({ error }).min(1, { error })
const list = (item: z.ZodString, error: string) => z.array(item, { error })
const object = <Shape extends z.core.$ZodLooseShape>(shape: Shape, error: string) => z.strictObject(shape, { error })

/** Checks a text with a function that says what was expected. Hosts that have the JSON Schema alone get the pattern. */
function checked(error: string, fault: (value: string) => string | null, pattern: string) {
  return z
    .string({ error })
    .check(({ value, issues }) => {
      const message = fault(value)
      if (message !== null) issues.push({ code: 'custom', message, input: value })
    })
    .meta({ pattern })
}

/** JSON Schema has no flag for letters of both cases. */
const HTTP = '[hH][tT][tT][pP]'
const LOOPBACK = String.raw`([^/?#@]*\.)?(localhost|127(\.\d+){3}|\[::1\])`
const PLACE = String.raw`[^/\\?#@]+([/\\?#]`

const NAME = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/
const A_NAME = 'a name of 1 to 64 ASCII letters, digits, ".", "_" or "-"'
const meshName = z.string({ error: A_NAME }).regex(NAME, { error: A_NAME })

const A_USER = 'the name of a mesh user without blanks around it, or "*" for everyone'
const user = z.string({ error: A_USER }).regex(/^\S([\s\S]*\S)?$/, { error: A_USER })
const users = list(user, 'a list of mesh users, such as ["alice"]')
const tools = list(text('the name of a tool or of a group of tools'), 'a list of tools, such as ["group:messaging"]')
const PATTERN = 'a regular expression'
const patterns = list(
  text(PATTERN).refine(
    value => {
      try {
        return new RegExp(value, 'i') instanceof RegExp
      } catch {
        return false
      }
    },
    { error: PATTERN },
  ),
  'a list of regular expressions, such as ["\\\\bbot\\\\b"]',
)

const A_SECRET = 'the path of a PEM file, or a secret reference {source, provider, id}'
const SECRET_SOURCES = ['env', 'file', 'exec', 'store'] as const
const described = (schema: z.ZodString | z.ZodEnum, label: string, notes: string) => {
  optionNotes.add(schema, { label, type: 'string', notes })
}
const secretRef = z.strictObject({ source: z.enum(SECRET_SOURCES), provider: z.string().min(1), id: z.string().min(1) })
described(secretRef.shape.source, 'Source', 'Where the secret is kept.')
described(secretRef.shape.provider, 'Provider', 'Which of the configured stores of that kind.')
described(secretRef.shape.id, 'Id', 'Its name there.')
export type SecretRef = z.output<typeof secretRef>
const pem = z.union([text(A_SECRET), secretRef], { error: A_SECRET })

const A_DURATION = 'a duration such as "5 min" or "2 h", or a number of ms, at most 30 days'
const duration = z
  .union(
    [
      z.int({ error: A_DURATION }).min(0, { error: A_DURATION }).max(FIRST_SYNC_MS_MAX, { error: A_DURATION }),
      z.string().regex(DURATION, { error: A_DURATION }),
    ],
    { error: A_DURATION },
  )
  .refine(value => (durationMs(value) ?? 0) <= FIRST_SYNC_MS_MAX, { error: A_DURATION })

// Keys of maps: the message continues "… is ", because the key itself is what was found.
const A_GROUP = 'not a group; expected creator/group, such as "alice/team"'
const groupKey = z
  .string()
  .regex(/^[^/]+\/[^/]+$/, { error: A_GROUP })
  .refine(key => !/[\p{Cc}#?]|(^|\/)\.{1,2}(\/|$)/u.test(key), { error: A_GROUP })
const senderKey = z.string().min(1, { error: 'not the name of a mesh user' })
/** What OpenClaw takes without changing it; it is part of a folder's name, too. */
const AN_ACCOUNT_ID = 'not an account id; expected 1 to 64 of a–z, 0–9, "_" and "-", the first a letter or a digit'
const accountKey = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, { error: AN_ACCOUNT_ID })
  .refine(id => !/^(constructor|prototype)$/i.test(id), { error: 'a reserved word; give the account another id' })

export const KEY_EXPECTED = {
  accounts: AN_ACCOUNT_ID,
  groupPermissions: A_GROUP,
  toolsBySender: 'not a name that can be used here',
} as const

const groupPolicy = oneOf(GROUP_POLICIES, '"allowlist", "open" or "disabled"')

const senderTools = object(
  {
    allow: option(tools, { label: 'Allow', type: 'string[]', notes: "Replaces the group's tools for this sender." }),
    alsoAllow: option(tools, { label: 'Also allow', type: 'string[]', notes: "Adds to the group's tools for this sender." }),
    deny: option(tools, { label: 'Deny', type: 'string[]', notes: 'Takes these away from this sender; a deny on any level wins.' }),
  },
  'an object with allow, alsoAllow or deny',
)

const permission = object(
  {
    creator: option(text('the name of a mesh user'), {
      label: 'Creator',
      type: 'string',
      notes: 'May repeat the creator of the key; must agree with it.',
      advanced: true,
    }),
    group: option(text('the id of a group'), {
      label: 'Group',
      type: 'string',
      notes: 'May repeat the group of the key; must agree with it.',
      advanced: true,
    }),
    groupPolicy: option(groupPolicy, {
      label: 'Group policy',
      type: '`allowlist`, `open`, `disabled`',
      notes: 'For this group; inherits from the account.',
    }),
    requireMention: option(yesNo, { label: 'Require mention', type: 'boolean', notes: 'For this group; inherits from the account.' }),
    allowFrom: option(users, {
      label: 'Allow from',
      type: 'string[]',
      default: [],
      notes: "Who may write to the bot in this group, besides its creator; the account's list opens no group.",
    }),
    tools: option(
      object(
        {
          allow: option(tools, { label: 'Allow', type: 'string[]', notes: 'Only these tools.' }),
          deny: option(tools, { label: 'Deny', type: 'string[]', notes: 'All tools but these; wins over `allow`.' }),
        },
        'an object with allow or deny',
      ),
      { label: 'Tools', type: '`{allow, deny}`', notes: 'Tools in this group; without it `group:messaging` and `group:sessions`.' },
    ),
    toolsBySender: option(z.record(senderKey, senderTools.nullable(), { error: 'an object from mesh users to {allow, alsoAllow, deny}' }), {
      label: 'Tools by sender',
      type: 'map user → `{allow, alsoAllow, deny}`',
      notes: 'Changes the tools of this group for single senders.',
      advanced: true,
    }),
  },
  'an object with groupPolicy, requireMention, allowFrom, tools or toolsBySender',
)

const limitNames = Object.keys(LIMITS) as (keyof Limits)[]
const limit = (name: keyof Limits) =>
  // What is off unless it is set can be switched off.
  option(whole(Math.min(1, LIMITS[name]), INTEGER_MAX, 'a whole number'), {
    label: name,
    type: 'integer',
    default: LIMITS[name],
    notes: LIMIT_NOTES[name],
    advanced: true,
  })
const limits = object(
  Object.fromEntries(limitNames.map(name => [name, limit(name)])) as Record<keyof Limits, ReturnType<typeof limit>>,
  'an object of limits, such as {dispatches: 4}',
)

export const accountShape = {
  enabled: option(yesNo, { label: 'Enabled', type: 'boolean', default: true, notes: 'Off at the root switches every account off.' }),
  name: option(text('a text'), { label: 'Name', type: 'string', notes: 'Display name of the account.' }),
  agentUrl: option(
    checked('an http or https URL, such as "http://localhost:7777"', agentUrlFault, String.raw`^${HTTP}[sS]?://[^/\\?#@]+([/\\][^?#]*)?$`),
    {
      label: 'Agent URL',
      type: 'http(s) URL',
      default: 'http://localhost:7777',
      notes: 'HTTP API of the ZTM agent. A path prefix is allowed; user info in the URL is refused.',
      placeholder: 'http://localhost:7777',
    },
  ),
  meshName: option(meshName, {
    label: 'Mesh',
    type: '1–64 of ASCII letters, digits, `_`, `-`, `.`; required',
    notes: 'Mesh that the ZTM agent has joined, or is to join. Its users may have any Unicode name.',
    placeholder: 'home',
  }),
  username: option(meshName, {
    label: 'Bot user',
    type: '1–64 of ASCII letters, digits, `_`, `-`, `.`; required',
    notes: "The bot's mesh user; it must be the ZTM agent's own user.",
    placeholder: 'my-bot',
  }),
  permitSource: option(oneOf(['server', 'file'], '"server" or "file"'), {
    label: 'Permit source',
    type: '`server` or `file`',
    notes: 'Needed only while the agent has not joined the mesh.',
  }),
  permitUrl: option(
    checked(
      'an https URL (http only on this machine)',
      permitUrlFault,
      String.raw`^(${HTTP}[sS]://${PLACE}.*)?|${HTTP}://${LOOPBACK}(:\d+)?([/?#].*)?)$`,
    ),
    {
      label: 'Permit server',
      type: 'https URL (http only on loopback)',
      notes: 'Required with `permitSource: "server"`.',
      placeholder: 'https://ztm-portal.flomesh.io:7779/permit',
    },
  ),
  permitFilePath: option(text('a path'), {
    label: 'Permit file',
    type: 'path',
    notes: 'Required with `permitSource: "file"`; `~` expands.',
  }),
  enableGroups: option(yesNo, { label: 'Groups', type: 'boolean', default: false, notes: 'Whether group messages are looked at.' }),
  dmPolicy: option(
    oneOf(
      ['pairing', 'allow', 'open', 'deny', 'allowlist', 'disabled'],
      '"pairing", "allow" (= "open"), "deny" (= "allowlist") or "disabled"',
    ),
    {
      label: 'DM policy',
      type: '`pairing`, `allow` = `open`, `deny` = `allowlist`, `disabled`',
      default: 'pairing',
      notes: 'Who may write to the bot directly. `disabled` ignores even the allowlisted.',
    },
  ),
  allowFrom: option(users, {
    label: 'Allow from',
    type: 'string[]',
    default: [],
    notes: 'Exact mesh names that may write directly; `"*"` = everyone.',
  }),
  groupPolicy: option(groupPolicy, {
    label: 'Group policy',
    type: '`allowlist`, `open`, `disabled`',
    default: 'allowlist',
    notes: "Who may write in groups: the group's own `allowFrom`, every member, or its creator alone.",
  }),
  requireMention: option(yesNo, {
    label: 'Require mention',
    type: 'boolean',
    default: true,
    notes: 'In groups, only messages with `@username` are answered.',
  }),
  historyLimit: option(whole(0, HISTORY_MAX, 'a whole number of messages'), {
    label: 'History limit',
    type: `0–${HISTORY_MAX}, \`${HISTORY_LIMIT}\``,
    notes:
      'So many messages of a group that lacked only a mention are shown to the assistant with the next one; 0 = none. When not set, a lower `messages.groupChat.historyLimit` of OpenClaw counts.',
    advanced: true,
  }),
  groupPermissions: option(
    z.record(groupKey, permission.nullable(), {
      error: 'an object from creator/group to a permission, such as {"alice/team": {allowFrom: ["bob"]}}',
    }),
    {
      label: 'Group permissions',
      type: 'map `creator/group` → permission',
      default: {},
      notes: "An account's map replaces the root's; `creator` and `group` inside must agree with the key.",
    },
  ),
  mentionPatterns: option(patterns, {
    label: 'Mention patterns',
    type: 'string[]',
    default: [],
    notes: 'Regular expressions that count as a mention, besides `@username`.',
    advanced: true,
  }),
  apiTimeout: option(whole(1_000, 300_000, 'a whole number of ms'), {
    label: 'API timeout',
    type: 'ms 1000–300000',
    default: 30_000,
    notes: 'One HTTP call to the ZTM agent; a long-poll has its own, longer limit.',
    advanced: true,
  }),
  tls: option(
    object(
      {
        ca: option(pem, { label: 'CA', type: 'path or secret', notes: "Authority that signed the agent's certificate.", advanced: true }),
        cert: option(pem, { label: 'Certificate', type: 'path or secret', notes: 'Our certificate; needs `key`.', advanced: true }),
        key: option(pem, {
          label: 'Key',
          type: 'path or secret',
          notes: 'Key of our certificate; needs `cert`.',
          sensitive: true,
          advanced: true,
        }),
      },
      'an object with ca, cert or key',
    ),
    {
      label: 'TLS',
      type: '`{ca, cert, key}`',
      notes: 'Mutual TLS to a remote agent: PEM file paths (`~` expands) or secret refs `{source, provider, id}`.',
      advanced: true,
    },
  ),
  feed: option(oneOf(['auto', 'push', 'poll'], '"auto", "push" or "poll"'), {
    label: 'Feed',
    type: '`auto`, `push`, `poll`',
    default: 'auto',
    notes: 'How changes are learnt: long-poll of the file index, polling of the chats, or the first with the second as fallback.',
    advanced: true,
  }),
  pollInterval: option(whole(100, 3_600_000, 'a whole number of ms'), {
    label: 'Poll interval',
    type: 'ms 100–3600000',
    default: 1_000,
    notes: 'Slows down by itself when nothing changes.',
    advanced: true,
  }),
  firstSync: option(duration, {
    label: 'First sync',
    type: 'duration (`"5 min"`) or ms, up to 30 days',
    default: 300_000,
    notes: 'How far back a first start answers.',
    advanced: true,
  }),
  selfHeal: option(yesNo, {
    label: 'Self-heal',
    type: 'boolean',
    default: true,
    notes: 'Joins the mesh again when the chat app is proven to be frozen; what other clients of the agent had queued is lost then.',
    advanced: true,
  }),
  notifyOnFailure: option(yesNo, {
    label: 'Notify on failure',
    type: 'boolean',
    default: false,
    notes: 'One short apology to the sender when a message could not be answered.',
  }),
  mediaMaxMb: option(z.number({ error: A_SIZE }).gt(0, { error: A_SIZE }).max(MEDIA_MB_MAX, { error: A_SIZE }), {
    label: 'Media limit',
    type: 'MB',
    default: 20,
    notes: 'Largest attachment, both ways.',
    advanced: true,
  }),
  healthMonitor: option(
    object(
      {
        enabled: option(yesNo, {
          label: 'Enabled',
          type: 'boolean',
          notes: "Whether the gateway's health monitor may restart the account.",
          advanced: true,
        }),
      },
      'an object with enabled',
    ),
    { label: 'Health monitor', type: '`{enabled}`', notes: 'As in other OpenClaw channels; the gateway reads it.', advanced: true },
  ),
  limits: option(limits, {
    label: 'Limits',
    type: 'object',
    default: {},
    notes: "Concurrency, sizes and waits, by name. An account's object replaces the root's.",
    advanced: true,
  }),
  autoReply: option(z.unknown(), {
    label: 'Auto reply',
    type: 'any',
    notes: 'Of the older plugin; has no effect.',
    advanced: true,
    retired: true,
  }),
  messagePath: option(z.unknown(), {
    label: 'Message path',
    type: 'any',
    notes: 'Of the older plugin; has no effect.',
    advanced: true,
    retired: true,
  }),
  pollingInterval: option(z.unknown(), {
    label: 'Polling interval',
    type: 'any',
    notes: 'Of the older plugin; has no effect (see `pollInterval`).',
    advanced: true,
    retired: true,
  }),
}

const accountSchema = object(accountShape, 'an object with the options of the account')
export type AccountInput = z.output<typeof accountSchema>

export const configSchema = object(
  {
    ...accountShape,
    accounts: option(z.record(accountKey, accountSchema.nullable(), { error: 'an object from account ids to their options' }), {
      label: 'Accounts',
      type: 'map id → options',
      notes:
        'One entry a bot user. Fields beside `accounts` are defaults for every account; without `accounts` they are the account `default`.',
    }),
    defaultAccount: option(text('the id of an account'), {
      label: 'Default account',
      type: 'account id',
      notes: 'The account of a send that names none; without it `default`, or else the first.',
    }),
    inspector: option(
      object(
        {
          enabled: option(yesNo, {
            label: 'Enabled',
            type: 'boolean',
            default: false,
            notes: 'Serves the inspector page on loopback.',
            advanced: true,
          }),
          port: option(whole(0, 65_535, 'a port'), { label: 'Port', type: 'port', notes: 'A free one when not set.', advanced: true }),
        },
        'an object with enabled and port',
      ),
      {
        label: 'Inspector',
        type: '`{enabled, port}`',
        default: { enabled: false },
        notes: 'The live page, for all accounts.',
        advanced: true,
      },
    ),
  },
  'an object with the options of the channel',
)
export type ConfigInput = z.output<typeof configSchema>

const accountOptions = Object.keys(accountShape) as (keyof AccountInput)[]
export const RETIRED_OPTIONS = accountOptions.filter(name => optionNotes.get(accountShape[name])?.retired)
export const ACCOUNT_OPTIONS: readonly string[] = accountOptions
