/** Files from the disk onto the mesh, where the bot owns them. What is recorded of a message names them only. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { systemClock } from '../adapters/clock/system-clock.ts'
import { openAccountAgent } from '../adapters/ztm/account-agent.ts'
import type { Attachment } from '../domain/attachments.ts'
import { FileTooLarge } from '../domain/errors.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { createFiles } from '../runtime/files.ts'
import { UsageError } from './usage-error.ts'

/** @throws {UsageError} for a path that is no file, {FileTooLarge}, {FileChanged}, or what the agent throws. */
export async function uploadFiles(settings: AccountSettings, paths: readonly string[]): Promise<readonly Attachment[]> {
  if (paths.length === 0) return []
  const agent = openAccountAgent(settings, systemClock, null)
  try {
    const { upload, fileBytesMax } = createFiles(settings, agent)
    // All of them are looked at before the first is put anywhere.
    const sizes: (readonly [path: string, size: number])[] = []
    for (const path of paths) sizes.push([path, await checkFile(path, fileBytesMax, settings.mediaMaxMb)])
    const uploaded: Attachment[] = []
    for (const [path, size] of sizes) {
      uploaded.push(await upload({ size, chunks: read(path), name: basename(path), contentType: contentTypeOf(path) }))
    }
    return uploaded
  } finally {
    await agent.close()
  }
}

/** Resolves with its size. */
async function checkFile(path: string, bytesMax: number, mediaMaxMb: number): Promise<number> {
  const found = await stat(path).catch(error => {
    throw unreadable(path, error)
  })
  // Reading a pipe or a device may never end.
  if (!found.isFile()) throw new UsageError(`--file ${path} is ${found.isDirectory() ? 'a folder' : 'no regular file'}; name a file.`)
  if (found.size > bytesMax) throw new FileTooLarge(`--file ${path} has ${found.size} bytes; mediaMaxMb allows ${mediaMaxMb} MB.`)
  return found.size
}

async function* read(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): UsageError {
  const code = error instanceof Error && 'code' in error ? error.code : error
  return new UsageError(`--file ${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}; correct the path.`)
}

const TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.ogg': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.wav': 'audio/wav',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
  '.zip': 'application/zip',
}

/** By its name, which proves nothing. */
const contentTypeOf = (path: string): string => TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream'
