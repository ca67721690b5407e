/** Reads files for the outbox as the host allows it; never from the disk by ourselves. */
import { loadWebMediaRaw } from 'openclaw/plugin-sdk/web-media'
import type { LoadMedia } from './outbound.ts'

export const loadMedia: LoadMedia = async (url, bytesMax, { mediaAccess, mediaLocalRoots, mediaReadFile }) => {
  const localRoots = mediaAccess?.localRoots ?? mediaLocalRoots
  const readFile = mediaAccess?.readFile ?? mediaReadFile
  const { buffer, contentType, fileName } = await loadWebMediaRaw(url, {
    maxBytes: bytesMax,
    ...(localRoots && localRoots.length > 0 && { localRoots }),
    ...(readFile && { readFile, hostReadCapability: true }),
    ...(mediaAccess?.workspaceDir && { workspaceDir: mediaAccess.workspaceDir }),
  })
  return { bytes: buffer, name: fileName ?? 'file', contentType: contentType ?? 'application/octet-stream' }
}
