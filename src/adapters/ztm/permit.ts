/** A permit is looked at before the agent gets it: the agent takes anything, and breaks a working mesh with it. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { PermitUnusable } from '../../domain/errors.ts'
import { printable } from '../../domain/shown.ts'
import type { Permit } from '../../ports/ztm-agent.ts'
import { permitAnswer } from './answers.ts'

/** Whom it has to let in. `publicKey` is the agent's, PEM. */
export type PermitHolder = { readonly username: string; readonly publicKey: string; readonly nowMs: number }

/**
 * The permit as it came. `from` begins the sentence of a fault: `The permit file /etc/permit.json`. Nothing in it is quoted but the
 * user's name: it may hold a private key.
 * @throws {PermitUnusable}
 */
export function usablePermit(value: unknown, from: string, holder: PermitHolder): Permit {
  const result = permitAnswer.safeParse(value)
  if (!result.success) throw new PermitUnusable(`${from} lacks ca, agent.certificate or bootstraps; ${ASK}.`)
  const fault = faultOf(result.data.agent, holder)
  if (fault !== null) throw new PermitUnusable(`${from} ${fault}.`)
  return result.data
}

const ASK = "ask the mesh's owner for a new one"

function faultOf(agent: { readonly certificate: string; readonly [key: string]: unknown }, holder: PermitHolder): string | null {
  const { username, publicKey, nowMs } = holder
  const certificate = certificateIn(agent.certificate)
  if (certificate === null) return `has a certificate that cannot be read; ${ASK}`
  const user = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? ''
  if (user !== username) {
    return `is for the user "${printable(user)}", but username is "${username}"; ask the mesh's owner for one for "${username}", or correct username`
  }
  const endsMs = certificate.validToDate.getTime()
  if (endsMs <= nowMs) return `has a certificate that expired on ${new Date(endsMs).toISOString().slice(0, 10)}; ${ASK}`
  const key = keyIn(publicKey)
  // One that brings a key of its own needs none of the agent's.
  if (key === null || Object.hasOwn(agent, 'privateKey') || certificate.publicKey.equals(key)) return null
  return "was made for the key of another ZTM agent; ask the mesh's owner for one for the identity of this one"
}

function certificateIn(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem)
  } catch {
    return null
  }
}

function keyIn(pem: string): KeyObject | null {
  try {
    return createPublicKey(pem)
  } catch {
    return null
  }
}
