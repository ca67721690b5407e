/** Files beside a text. The mesh keeps them by their content; a message only names them: `{files: [{owner, hash, name, size, contentType}]}`. */
import { z } from 'zod'
import type { UserName } from './ids.ts'
import type { Json } from './json.ts'
import { isSafeName, makeSafe } from './reply.ts'

/** A file as a message names it. */
export type Attachment = {
  /** The mesh user who put it there. */
  readonly owner: UserName
  /** 64 hex digits, of the content. */
  readonly hash: string
  readonly name: string
  /** As its sender says, which proves nothing. */
  readonly contentType: string
  /** Bytes, as its sender says; null when not. */
  readonly size: number | null
}

/** As it is asked for from outside. Put on the mesh before. */
export const attachmentSchema: z.ZodType<Attachment> = z.object({
  owner: z.string(),
  hash: z.string(),
  name: z.string(),
  contentType: z.string(),
  size: z.number().nullable(),
})

/** Of one message; more are left out. */
export const ATTACHMENTS_MAX = 10
const NAME_CHARACTERS_MAX = 120
const HASH = /^[0-9a-f]{64}$/i
const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+$/
const UNKNOWN_TYPE = 'application/octet-stream'

/** What can be fetched of what somebody posted as `files`. */
export function attachmentsOf(files: readonly Json[], sender: UserName): readonly Attachment[] {
  return files.flatMap(file => read(file, sender) ?? []).slice(0, ATTACHMENTS_MAX)
}

function read(file: Json, sender: UserName): Attachment | null {
  if (file === null || typeof file !== 'object' || Array.isArray(file)) return null
  const { owner = sender, hash, name, size, contentType } = file as { readonly [key: string]: Json | undefined }
  if (typeof owner !== 'string' || !isSafeName(owner) || typeof hash !== 'string' || !HASH.test(hash)) return null
  return {
    owner,
    hash: hash.toLowerCase(),
    name: fileName(typeof name === 'string' ? name : ''),
    contentType: typeof contentType === 'string' && CONTENT_TYPE.test(contentType) ? contentType : UNKNOWN_TYPE,
    size: typeof size === 'number' && Number.isFinite(size) && size >= 0 ? size : null,
  }
}

/** One that leads nowhere else, whoever takes it for a path. */
export function fileName(name: string): string {
  const last = makeSafe(name).split(/[/\\]/).at(-1) ?? ''
  const clean = last
    .replace(/\p{Cc}/gu, '')
    // Dots behind blanks would stand first once the blanks are gone.
    .replace(/^[\s.]+/, '')
    .trim()
  return clean.slice(0, NAME_CHARACTERS_MAX).toWellFormed() || 'file'
}
