import { createVirtualClock, type VirtualClock } from '../../../src/adapters/memory/virtual-clock.ts'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { createZtmAgent, type ZtmAgentOptions } from '../../../src/adapters/ztm/ztm-agent.ts'
import type { ZtmChatError } from '../../../src/domain/errors.ts'
import type { FileEntry, ZtmAgent } from '../../../src/ports/ztm-agent.ts'

export type Fixture = { agent: ZtmAgent; clock: VirtualClock; oddities: string[] }

/** The real client on the real transport, with time that stands still. */
export function agentAt(baseUrl: string, options: Partial<ZtmAgentOptions> = {}): Fixture {
  const clock = createVirtualClock(1_795_462_000_000)
  const oddities: string[] = []
  const agent = createZtmAgent({
    baseUrl,
    mesh: 'home',
    apiTimeoutMs: 30_000,
    limits: { listBytes: 64 * 1_048_576, fileBytes: 8 * 1_048_576, indexBytes: 64 * 1_048_576 },
    clock,
    transport: createUndiciTransport(),
    onOddity: (route, sentence) => oddities.push(`${route}: ${sentence}`),
    ...options,
  })
  return { agent, clock, oddities }
}

/** Every entry of the file index. */
export async function listOf(agent: ZtmAgent, query: Parameters<ZtmAgent['files']>[0]): Promise<readonly FileEntry[]> {
  const files: FileEntry[] = []
  await agent.files(query, file => files.push(file))
  return files
}

/** The error that a call must end with. */
export async function errorOf(call: Promise<unknown>): Promise<ZtmChatError> {
  return call.then(
    value => {
      throw new Error(`The call gave ${JSON.stringify(value)} in place of an error.`)
    },
    error => error,
  )
}

/** What callers read of an error. */
export const shape = ({ name, message, retryable, mayHaveActed }: ZtmChatError) => ({ name, message, retryable, mayHaveActed })
