/** The agent's certificate of the mesh: after its end the agent is let in nowhere, and nobody gets an answer. */
import type { AccountSettings } from '../domain/settings.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Mesh } from '../ports/ztm-agent.ts'

const DAY_MS = 24 * 3_600_000
/** Time enough for whoever owns the mesh to give out a new permit. */
const WARN_MS = 30 * DAY_MS

/** Null: nobody knows. */
export function certificateState(expiresAtMs: number | null, nowMs: number): 'good' | 'expires' | 'expired' | null {
  if (expiresAtMs === null) return null
  if (expiresAtMs <= nowMs) return 'expired'
  return expiresAtMs - nowMs > WARN_MS ? 'good' : 'expires'
}

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
    const state = certificateState(expiresAtMs, clock.now())
    if (state === null || state === 'good') return null
    const day = new Date(expiresAtMs ?? 0).toISOString().slice(0, 10)
    return `The certificate of "${username}" on mesh "${meshName}" (ZTM agent at ${agentUrl}) ${state} on ${day}; get a new permit from the mesh's owner and join with it.`
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
