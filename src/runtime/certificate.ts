/** The agent's certificate of the mesh: after its end the agent is let in nowhere, and nobody gets an answer. */
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Mesh } from '../ports/ztm-agent.ts'

const DAY_MS = 24 * 3_600_000
/** Time enough for whoever owns the mesh to give out a new permit. */
const WARN_MS = 30 * DAY_MS

export interface CertificateWatch {
  look(mesh: Mesh): void
  /** A sentence while it has expired, or expires soon. */
  warning(): string | null
}

export function createCertificateWatch(
  { meshName, username, agentUrl }: Pick<AccountSettings, 'meshName' | 'username' | 'agentUrl'>,
  clock: Clock,
  log: Log,
): CertificateWatch {
  let expiresAtMs: number | null = null
  let loggedAtMs = Number.NEGATIVE_INFINITY

  const warning = () => {
    if (expiresAtMs === null || expiresAtMs - clock.now() > WARN_MS) return null
    const day = new Date(expiresAtMs).toISOString().slice(0, 10)
    const isOver = expiresAtMs <= clock.now()
    return `The certificate of "${username}" on mesh "${meshName}" (ZTM agent at ${agentUrl}) ${isOver ? 'expired' : 'expires'} on ${day}; get a new permit from the mesh's owner and join with it.`
  }

  return {
    look(mesh) {
      expiresAtMs = mesh.certificateExpiresAtMs ?? null
      const sentence = warning()
      if (sentence === null || clock.monotonic() - loggedAtMs < DAY_MS) return
      loggedAtMs = clock.monotonic()
      log.warn({ expiresAtMs }, sentence)
    },
    warning,
  }
}
