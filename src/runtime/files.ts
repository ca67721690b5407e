/** Files beside a text: on the mesh by their content, never in the journal. */
import { fileName } from '../domain/attachments.ts'
import { FileTooLarge } from '../domain/errors.ts'
import type { AccountSettings } from '../domain/settings.ts'
import type { ZtmAgent } from '../ports/ztm-agent.ts'
import type { AccountHandle } from './runtime.ts'

const BYTES_PER_MB = 1_048_576

export function createFiles(settings: AccountSettings, agent: ZtmAgent): Pick<AccountHandle, 'fileBytesMax' | 'upload' | 'download'> {
  const fileBytesMax = settings.mediaMaxMb * BYTES_PER_MB
  const check = (name: string, size: number) => {
    if (size <= fileBytesMax) return
    throw new FileTooLarge(`The file ${JSON.stringify(name)} has ${size} bytes; mediaMaxMb allows ${settings.mediaMaxMb} MB.`)
  }
  return {
    fileBytesMax,
    async upload({ bytes, name, contentType }) {
      check(name, bytes.length)
      const hash = await agent.uploadFile(bytes)
      return { owner: settings.username, hash, name: fileName(name), contentType, size: bytes.length }
    },
    async download({ owner, hash, name, size }, signal) {
      // What the sender says is believed where it spares us the bytes.
      check(name, size ?? 0)
      return agent.downloadFile(owner, hash, fileBytesMax, signal)
    },
  }
}
