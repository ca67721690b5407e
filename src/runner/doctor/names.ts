/** Names in the lists of an account against those of the mesh: access compares letter for letter, so nearly right is wrong. */
import { distance } from 'fastest-levenshtein'
import type { AccountSettings } from '../../domain/settings.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { KnownGroup, People } from './people.ts'

type Fault = Pick<Finding, 'level' | 'message' | 'remedy'>

export function lookAtNames(settings: AccountSettings, people: People): readonly Finding[] {
  const { id, allowFrom, groupPermissions, enableGroups } = settings
  const { ok, warning } = findingsOf(id)
  const faults = [
    ...allowFrom.flatMap(name => userFault('allowFrom', name, people.users)),
    ...Object.entries(groupPermissions).flatMap(([key, permission]) => {
      const at = `groupPermissions["${key}"]`
      const senders = Object.keys(permission.toolsBySender)
      const known = people.groups.find(group => `${group.creator}/${group.group}` === key)
      return [
        ...(known === undefined ? [groupFault(at, key, people)] : []),
        ...permission.allowFrom.flatMap(name => memberFault(`${at}.allowFrom`, name, people, known)),
        ...senders.flatMap(name => memberFault(`${at}.toolsBySender`, name, people, known)),
      ]
    }),
  ]
  const findings = faults.map((fault): Finding => ({ check: 'names', account: id, ...fault }))
  if (!enableGroups && Object.keys(groupPermissions).length > 0) {
    findings.push(
      warning('names', 'groupPermissions has no effect: enableGroups is false.', 'Set enableGroups to true, or remove groupPermissions.'),
    )
  }
  return findings.length > 0 ? findings : [ok('names', 'No name in the lists looks like a misspelt name of the mesh.')]
}

const shown = (name: string): string => JSON.stringify(name)

/** White space of any kind, and characters that nobody sees. */
const UNSEEN = /[\s\p{Cf}\p{Cc}]/u

/** What two names have in common that look the same, or that people take for the same. */
const folded = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/^(peer:|@)/, '')
    .replace(/[\s\p{Cf}\p{Cc}]+/gu, '')

function userFault(at: string, name: string, users: ReadonlySet<string>): readonly Fault[] {
  if (name === '*' || users.has(name)) return []
  const meant = [...users].filter(user => folded(user) === folded(name))
  if (meant.length > 0) {
    const what = name.toLowerCase() === meant[0]?.toLowerCase() ? 'in capital letters' : 'in white space, unseen characters or a prefix'
    const message = `${at} has ${shown(name)}, which differs from the mesh user ${meant.map(shown).join(' and ')} only ${what}.`
    return [{ level: 'problem', message, remedy: `Write ${meant.map(shown).join(' or ')}: names are compared letter for letter.` }]
  }
  if (UNSEEN.test(name)) {
    const message = `${at} has ${shown(name)}, with white space or unseen characters in it; the mesh shows no such user.`
    return [{ level: 'problem', message, remedy: 'Write one name, without blanks, for each entry.' }]
  }
  const near = nearest(name, users)
  if (near === null) return []
  const message = `${at} has ${shown(name)}, whom the mesh does not show now; it shows ${shown(near)}.`
  return [{ level: 'warning', message, remedy: `Write ${shown(near)} if that is who is meant.` }]
}

function memberFault(at: string, name: string, { users }: People, group: KnownGroup | undefined): readonly Fault[] {
  const members = group?.members
  if (name === '*' || !members) return userFault(at, name, users)
  if (members.includes(name) || name === group.creator) return []
  const faults = userFault(at, name, new Set([...members, group.creator]))
  if (faults.length > 0) return faults
  const message = `${at} has ${shown(name)}, who is no member of that group: the bot does not answer such a user there.`
  return [{ level: 'warning', message, remedy: 'Have the creator add the user to the group, or remove the name.' }]
}

function groupFault(at: string, key: string, { users, groups }: People): Fault {
  const slash = key.indexOf('/')
  const [creator, id] = [key.slice(0, slash), key.slice(slash + 1)]
  const keys = groups.map(({ creator, group }) => `${creator}/${group}`)
  const same = keys.find(other => folded(other) === folded(key))
  if (same !== undefined) {
    const message = `${at} differs from the group ${shown(same)} only in capital letters, white space or unseen characters.`
    return { level: 'problem', message, remedy: `Write ${shown(same)}: names are compared letter for letter.` }
  }
  const titled = groups.find(group => folded(group.creator) === folded(creator) && folded(group.name) === folded(id))
  if (titled !== undefined) {
    const right = `${titled.creator}/${titled.group}`
    const message = `${at} has the title of a group where its id belongs: ${shown(titled.name)} of ${titled.creator} has the id ${shown(titled.group)}.`
    return { level: 'problem', message, remedy: `Write ${shown(right)}.` }
  }
  const [creatorFault] = userFault(at, creator, users)
  if (creatorFault?.level === 'problem') return creatorFault
  const near = nearest(key, new Set(keys))
  const seen = keys.length === 0 ? 'none' : keys.slice(0, SHOWN_MAX).join(', ')
  const message = `${at}: the mesh shows no such group to the bot; it shows ${seen}.`
  const correct = near === null ? 'Correct the key' : `Write ${shown(near)} if that is what is meant`
  return { level: 'warning', message, remedy: `${correct}, or have the creator add the bot to the group.` }
}

const SHOWN_MAX = 10
/** Of a name's letters, so many may be wrong or missing for it to be meant. */
const SLIPS_MAX = 0.4

function nearest(name: string, known: ReadonlySet<string>): string | null {
  const [best] = [...known]
    .map(other => ({ other, steps: distance(folded(other), folded(name)) }))
    .sort((one, other) => one.steps - other.steps)
  return best !== undefined && best.steps <= Math.floor(name.length * SLIPS_MAX) ? best.other : null
}
