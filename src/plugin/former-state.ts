/**
 * What `@flomesh/ztm-chat` had read when it was switched off: per chat, the time of the last message it dealt with, by its sender's
 * clock. Whoever switches is not answered a second time. Its approved users are in OpenClaw's own pairing store, as ours are.
 * Source: its message state store, `ztm/state-ACCOUNT.json` below OpenClaw's state directory, or beside ZTM_STATE_PATH.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { z } from 'zod'
import { type AccountId, type ChatId, parseChat } from '../domain/ids.ts'
import { chatOf } from './targets.ts'

const stateSchema = z.object({ accounts: z.record(z.string(), z.record(z.string(), z.number())) })

export type FormerState = ReadonlyMap<ChatId, number>

export type FormerPlace = { readonly stateDir: string; readonly environment: Readonly<Record<string, string | undefined>> }

/** Empty when there is no such file. Rejects when there is one that cannot be read. */
export async function readFormerState({ stateDir, environment }: FormerPlace, account: AccountId): Promise<FormerState> {
  const said = environment.ZTM_STATE_PATH
  const path = !said ? join(stateDir, 'ztm', 'state.json') : extname(said) ? said : join(said, 'state.json')
  const stem = basename(path, extname(path))
  // Its ids kept their capital letters, ours do not.
  const wanted = `${stem}-${account}.json`.toLowerCase()
  const names = await readdir(dirname(path)).catch((): string[] => [])
  const name = names.find(each => each.toLowerCase() === wanted)
  if (name === undefined) return new Map()
  const { accounts } = stateSchema.parse(JSON.parse(await readFile(join(dirname(path), name), 'utf8')))
  const [own] = Object.entries(accounts).flatMap(([id, chats]) => (id.toLowerCase() === account ? [chats] : []))
  return new Map(
    Object.entries(own ?? {}).flatMap(([key, timeMs]) => (chatNamed(key) === null ? [] : [[chatNamed(key)!, timeMs] as const])),
  )
}

/** A group as `group:creator/name`; a peer by its bare name, in some versions as `peer:name`. */
function chatNamed(key: string): ChatId | null {
  const chat = chatOf(key.startsWith('group:') ? key : `user:${key.replace(/^peer:/, '')}`)
  return chat !== null && (parseChat(chat).kind === 'group') === key.startsWith('group:') ? chat : null
}
