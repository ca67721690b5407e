/** Where the chat app keeps what, in the file system of the mesh. */

export const SHARED = '/apps/ztm/chat/shared'

export type MessageFile =
  | { readonly kind: 'peer'; readonly sender: string; readonly receiver: string }
  | { readonly kind: 'group'; readonly sender: string; readonly creator: string; readonly group: string }

/** The app's path matcher takes `#` and `?` for the end of a path. With `asItIs` off, names were escaped by `piece`. */
function piecesOf(path: string, asItIs: boolean): readonly string[] {
  if (!path.startsWith(`${SHARED}/`)) return []
  const pieces = path
    .slice(SHARED.length + 1)
    .split(/[?#]/, 1)[0]!
    .split('/')
  return asItIs ? pieces : pieces.map(unescaped)
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

export function messageFile(path: string, asItIs: boolean): MessageFile | null {
  const [sender, publish, kind, ...rest] = piecesOf(path, asItIs)
  if (!sender || publish !== 'publish') return null
  if (kind === 'peers' && rest.length >= 3 && rest[0] && rest[1] === 'messages') return { kind: 'peer', sender, receiver: rest[0] }
  if (kind === 'groups' && rest.length >= 4 && rest[0] && rest[1] && rest[2] === 'messages') {
    return { kind: 'group', sender, creator: rest[0], group: rest[1] }
  }
  return null
}

export function infoFile(
  path: string,
  asItIs: boolean,
): { readonly sender: string; readonly creator: string; readonly group: string } | null {
  const [sender, publish, kind, creator, group, info, ...rest] = piecesOf(path, asItIs)
  if (!sender || publish !== 'publish' || kind !== 'groups' || !creator || !group || info !== 'info.json' || rest.length > 0) return null
  return { sender, creator, group }
}

/** `.`, `..` and doubled slashes are taken out, as the agent does before it touches a file. */
export function normalize(path: string): string {
  const pieces: string[] = []
  for (const piece of path.split('/')) {
    if (piece === '..') pieces.pop()
    else if (piece !== '' && piece !== '.') pieces.push(piece)
  }
  return `/${pieces.join('/')}`
}

/** One name as one piece of a path; `asItIs` is the real agent's way. */
export const piece = (name: string, asItIs: boolean): string => (asItIs ? name : encodeURIComponent(name).replaceAll('.', '%2E'))

export const peerFolder = (sender: string, peer: string, asItIs: boolean): string =>
  normalize(`${SHARED}/${sender}/publish/peers/${piece(peer, asItIs)}/messages`)

export const groupFolder = (sender: string, creator: string, group: string, asItIs: boolean): string =>
  normalize(`${SHARED}/${sender}/publish/groups/${piece(creator, asItIs)}/${piece(group, asItIs)}`)

export const uploadPath = (owner: string, hash: string): string => normalize(`${SHARED}/${owner}/publish/files/${hash}`)
