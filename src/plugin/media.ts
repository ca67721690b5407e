/** Files between the mesh and the host: read for the outbox as the host allows it, and kept where it wants them; never from or on the disk by ourselves. */
import { saveMediaStream } from 'openclaw/plugin-sdk/media-store'
import { loadWebMediaRaw } from 'openclaw/plugin-sdk/web-media'
import type { SaveMedia } from './inbound.ts'
import type { LoadMedia } from './outbound.ts'

/** The host has all of it in memory when it gives it: it looks into it before it lets it out. */
export const loadMedia: LoadMedia = async (url, bytesMax, { mediaAccess, mediaLocalRoots, mediaReadFile }) => {
  const localRoots = mediaAccess?.localRoots ?? mediaLocalRoots
  const readFile = mediaAccess?.readFile ?? mediaReadFile
  const { buffer, contentType, fileName } = await loadWebMediaRaw(url, {
    maxBytes: bytesMax,
    ...(localRoots && localRoots.length > 0 && { localRoots }),
    ...(readFile && { readFile, hostReadCapability: true }),
    ...(mediaAccess?.workspaceDir && { workspaceDir: mediaAccess.workspaceDir }),
  })
  return { size: buffer.length, chunks: [buffer], name: fileName ?? 'file', contentType: contentType ?? 'application/octet-stream' }
}

/** Without a bound the host would have one of its own, which is smaller than that of most accounts. */
export const saveMedia: SaveMedia = (chunks, { name, contentType }, bytesMax) =>
  saveMediaStream(chunks, contentType, 'inbound', bytesMax, name)
