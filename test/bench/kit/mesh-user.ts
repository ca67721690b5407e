/** A user of the simulated mesh without an agent: what they write is with the hub at once, so that a benchmark knows when it began. */
import { randomUUID } from 'node:crypto'
import { peerFolder } from '../../../src/simulator/mesh/chat-paths.ts'
import { fileHash } from '../../../src/simulator/mesh/hash.ts'
import type { Attached } from '../../../src/simulator/mesh/hub.ts'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'

/** From this size on a message file gets no more messages, as in the chat app. */
const FILE_BYTES_FULL = 1024

export interface MeshUser {
  says(texts: readonly string[]): void
}

/** `now` is the user's clock, ms. */
export function createMeshUser(mesh: SimMesh, name: string, bot: string, now: () => number = Date.now): MeshUser {
  const folder = peerFolder(name, bot, mesh.quirks.namesArePaths)
  const versions = new Map<string, { hash: string; bytes: Uint8Array }>()
  const attached: Attached = {
    endpointId: randomUUID(),
    endpointName: `ep-${name}`,
    user: name,
    serve(path, hash) {
      const version = versions.get(path)
      return version?.hash === hash ? version.bytes : null
    },
    hubDied() {},
    hubReturned() {},
  }
  mesh.hub.connect(attached, 0)
  mesh.hub.setRights(name, [[folder, [bot]]])
  let stamp = now() - 60_000
  let entries: string[] = []
  let bytesOfEntries = 0

  return {
    says(texts) {
      const time = now()
      const changed = new Map<string, Uint8Array>()
      for (const [at, text] of texts.entries()) {
        const entry = JSON.stringify({ time, message: { text } })
        entries.push(entry)
        bytesOfEntries += Buffer.byteLength(entry) + 1
        const isFull = bytesOfEntries >= FILE_BYTES_FULL
        if (!isFull && at < texts.length - 1) continue
        changed.set(`${folder}/${stamp}.json`, Buffer.from(`[${entries.join(',')}]`))
        if (!isFull) continue
        entries = []
        bytesOfEntries = 0
        stamp = Math.max(stamp + 1, time)
      }
      mesh.hub.announce(
        attached,
        [...changed].map(([path, bytes]) => {
          const hash = fileHash(path, bytes)
          versions.set(path, { hash, bytes })
          return { path, hash, size: bytes.length, time, bytes }
        }),
        [],
        false,
      )
    },
  }
}
