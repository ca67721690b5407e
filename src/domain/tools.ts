import type { GroupPermission, SenderTools } from './settings.ts'

/** What OpenClaw takes as a tool policy: `allow` only these; `deny` wins over it. Names may be groups (`group:messaging`). */
export type ToolPolicy = { readonly allow?: readonly string[]; readonly deny?: readonly string[] }

/** What a group may use when nothing is configured. */
const DEFAULT_ALLOW: readonly string[] = ['group:messaging', 'group:sessions']

/**
 * An answer without tools. To OpenClaw an empty `allow` alone means every tool, and an `allow` with names of which none is
 * left means no answer at all ("No callable tools remain"); this is the one form that means none.
 */
const NO_TOOLS: ToolPolicy = { allow: [], deny: ['*'] }

/**
 * What this sender may use in this group. The sender's own entry, or else `*`, replaces (`allow`) and adds (`alsoAllow`);
 * a deny holds wherever it stands: in the group's tools, in any entry that names the sender, and in `*`.
 */
export function mergeTools(permission: Pick<GroupPermission, 'tools' | 'toolsBySender'>, sender: string): ToolPolicy {
  const entries = entriesFor(permission.toolsBySender, sender)
  const { allow: groupAllow, deny: groupDeny } = permission.tools ?? {}
  // Without a configured list: the default, or with a deny alone everything else.
  const base = groupAllow ?? (groupDeny ? null : DEFAULT_ALLOW)
  const [own] = entries
  const replaced = own?.allow ?? base
  const allow = replaced && unique([...replaced, ...(own?.alsoAllow ?? [])])
  const deny = unique([...(groupDeny ?? []), ...entries.flatMap(entry => entry.deny ?? [])])
  const isDenied = denies(deny)

  // `*` minus something is said by the deny alone: OpenClaw then still answers when nothing is left.
  if (allow === null || (allow.includes('*') && deny.length > 0)) return isDenied('*') ? NO_TOOLS : { deny }
  const left = allow.filter(name => !membersOf(name).every(isDenied))
  if (left.length === 0) return NO_TOOLS
  return deny.length > 0 ? { allow: left, deny } : { allow: left }
}

const KEY_PREFIXES = ['id:', 'username:', 'name:'] as const

/** The entries that concern a sender, the most particular first. A mesh user has one name, so that all prefixes mean the same. */
function entriesFor(toolsBySender: Readonly<Record<string, SenderTools>>, sender: string): readonly SenderTools[] {
  const name = sender.normalize('NFC')
  const found: { rank: number; entry: SenderTools }[] = []
  for (const [key, entry] of Object.entries(toolsBySender)) {
    const prefix = KEY_PREFIXES.findIndex(start => key.startsWith(start))
    // A key with a prefix is never a bare name: somebody who calls himself `id:alice` must not get what is alice's.
    const named = prefix < 0 ? key : key.slice(KEY_PREFIXES[prefix]?.length)
    if (key === '*') found.push({ rank: KEY_PREFIXES.length + 1, entry })
    else if (named.normalize('NFC') === name) found.push({ rank: prefix < 0 ? KEY_PREFIXES.length : prefix, entry })
  }
  return found.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry)
}

/**
 * Tools of OpenClaw 2026.9 by group: needed only to see that a deny leaves nothing of an allow. When a group has gained a tool
 * since then, the worst is an answer without tools.
 */
const GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['group:messaging', ['message']],
  ['group:fs', ['ls', 'read', 'write', 'edit', 'apply_patch']],
  ['group:runtime', ['exec', 'process', 'code_execution', 'secrets']],
  [
    'group:sessions',
    [
      ...['sessions', 'sessions_list', 'sessions_history', 'sessions_search', 'sessions_send', 'sessions_spawn', 'sessions_yield'],
      ...['conversations_list', 'conversations_send', 'conversations_turn', 'github_identity_status', 'github_publish'],
      ...['agents_wait', 'subagents', 'session_status', 'suggest_task', 'dismiss_task'],
    ],
  ],
  ['group:memory', ['memory_search', 'memory_get']],
  ['group:web', ['web_search', 'web_fetch', 'x_search']],
  ['group:ui', ['browser', 'screen', 'theme', 'dashboard', 'terminal', 'portal', 'canvas', 'show_widget']],
  ['group:automation', ['heartbeat_respond', 'automations', 'gateway', 'plugins', 'openclaw']],
  ['group:nodes', ['nodes', 'computer', 'mobile_ui']],
  ['group:agents', ['agents_list', 'get_goal', 'create_goal', 'update_goal', 'progress_card', 'ask_user', 'skill_workshop']],
  ['group:media', ['view_image', 'image_generate', 'music_generate', 'video_generate', 'tts', 'pdf']],
  // Groups whose tools are not ours to list: only a deny of the group itself empties them.
  ['group:openclaw', ['group:openclaw']],
  ['group:plugins', ['group:plugins']],
])

/** Two names of one tool. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['bash', 'exec'],
  ['apply-patch', 'apply_patch'],
  ['cron', 'automations'],
])

/** The seed wrote `fs` where OpenClaw writes `group:fs`. */
function spelled(name: string): string {
  const trimmed = name.trim()
  const group = `group:${trimmed.toLowerCase()}`
  return GROUPS.has(group) ? group : trimmed
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names.map(spelled).filter(Boolean))]

function membersOf(name: string): readonly string[] {
  const lower = name.toLowerCase()
  return GROUPS.get(lower) ?? [ALIASES.get(lower) ?? lower]
}

/** As OpenClaw matches: whatever the case, `*` for any characters. A pattern that lies within a denied pattern is denied, too. */
function denies(deny: readonly string[]): (name: string) => boolean {
  const exact = new Set(deny.flatMap(membersOf))
  const patterns = [...exact].filter(name => name.includes('*'))
  return name => exact.has(name) || patterns.some(pattern => matchesGlob(name, pattern))
}

function matchesGlob(name: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return name === pattern
  if (!name.startsWith(head)) return false
  let at = head.length
  for (const piece of rest) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return name.length - at >= tail.length && name.endsWith(tail)
}
