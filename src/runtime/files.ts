/** Files beside a text: on the mesh by their content, never in the journal. */
import { fileName } from '../domain/attachments.ts'
import { FileChanged, FileTooLarge } from '../domain/errors.ts'
import { type AccountSettings, fileBytesMaxOf } from '../domain/settings.ts'
import type { Content, ZtmAgent } from '../ports/ztm-agent.ts'
import type { AccountHandle } from './runtime.ts'

export function createFiles(settings: AccountSettings, agent: ZtmAgent): Pick<AccountHandle, 'fileBytesMax' | 'upload' | 'download'> {
  const fileBytesMax = fileBytesMaxOf(settings)
  const check = (name: string, size: number) => {
    if (size <= fileBytesMax) return
    throw new FileTooLarge(`The file ${JSON.stringify(name)} has ${size} bytes; mediaMaxMb allows ${settings.mediaMaxMb} MB.`)
  }
  return {
    fileBytesMax,
    async upload({ name, contentType, size, chunks }) {
      check(name, size)
      const hash = await agent.uploadFile({ size, chunks: asSaid({ size, chunks }, name) })
      return { owner: settings.username, hash, name: fileName(name), contentType, size }
    },
    async download({ owner, hash, name, size }, signal) {
      // What the sender says is believed where it spares us the bytes.
      check(name, size ?? 0)
      return agent.downloadFile(owner, hash, fileBytesMax, signal)
    },
  }
}

/** What has been let through by its size keeps to it. */
async function* asSaid({ size, chunks }: Content, name: string): AsyncIterable<Uint8Array> {
  let bytes = 0
  const hasChanged = () =>
    new FileChanged(`The file ${JSON.stringify(name)} did not have the ${size} bytes that it said, so it was not sent; send a copy of it.`)
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > size) throw hasChanged()
    yield chunk
  }
  if (bytes < size) throw hasChanged()
}
