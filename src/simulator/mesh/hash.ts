import { createHash } from 'node:crypto'

/** Hash of an uploaded file in the chat app: the bytes, then their length in decimal digits. */
export const uploadHash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).update(String(bytes.length)).digest('hex')

/** Hash of a file of the mesh: as above, then the path. A deleted file counts as nothing, with length -1. */
export const fileHash = (path: string, bytes: Uint8Array | null): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .update(String(bytes === null ? -1 : bytes.length))
    .update(path)
    .digest('hex')
