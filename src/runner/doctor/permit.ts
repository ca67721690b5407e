/** The permit of an account: whether it could be had now. Nobody is let in anywhere by looking. */

import { permitSource, reachPermits } from '../../adapters/ztm/account-agent.ts'
import { maskUrl } from '../../domain/config.ts'
import { sentenceOf } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import type { Clock } from '../../ports/clock.ts'
import { type Finding, findingsOf } from './finding.ts'

/** `isJoined`: whether the mesh is joined, and the permit not needed; null when nobody knows. */
export async function lookAtPermit(
  settings: AccountSettings,
  isJoined: boolean | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { id, permit } = settings
  if (permit === null) return []
  const { ok, warning, problem } = findingsOf(id)
  const trouble = (message: string, remedy: string): Finding =>
    isJoined ? warning('permit', `${message} It is not needed as long as the mesh is joined.`, remedy) : problem('permit', message, remedy)
  try {
    if (permit.source === 'file') {
      // Without the key of the agent, which would make one if it had none.
      await permitSource(clock)(settings, '', signal)
      return [ok('permit', `The permit ${permit.path} can be used.`)]
    }
    const status = await reachPermits(settings, permit.url, clock, signal)
    const where = `The permit server at ${maskUrl(permit.url)}`
    if (status >= 500)
      return [trouble(`${where} answers with ${status}.`, 'Ask its owner, or put the permit into a file (permitSource "file").')]
    return [ok('permit', `${where} can be reached.`)]
  } catch (error) {
    const remedy =
      permit.source === 'file' ? 'Correct permitFilePath, or get a new permit.' : 'Correct permitUrl, or put the permit into a file.'
    return [trouble(sentenceOf(error), remedy)]
  }
}
