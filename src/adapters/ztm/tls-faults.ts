/** Why two sides did not get through TLS, told by the codes of OpenSSL and Node. */
import { X509Certificate } from 'node:crypto'
import { printable } from '../../domain/shown.ts'
import type { TlsFault } from './transport.ts'

/** PEM texts. `ca` null: the system's authorities; `cert` and `key` null: no client certificate. */
export type TlsIdentity = { readonly ca: string | null; readonly cert: string | null; readonly key: string | null }

/** `reason` is a few words for the middle of a sentence. */
export type TlsTrouble = { readonly fault: TlsFault; readonly reason: string }

/** Null: the error is not about TLS. */
export function tlsTroubleOf(error: Error, own: TlsIdentity | null): TlsTrouble | null {
  const code = codeOf(error)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { fault: 'wrong-name', reason: namesIn(error) }
  if (code === 'CERT_HAS_EXPIRED') return { fault: 'out-of-date', reason: 'its certificate has expired' }
  if (code === 'CERT_NOT_YET_VALID') return { fault: 'out-of-date', reason: 'its certificate is not valid yet' }
  if (UNTRUSTED.test(code)) {
    return { fault: 'untrusted', reason: `its certificate comes from no authority that is trusted here: ${wordsOf(error)}` }
  }
  const [, alert] = /_ALERT_(\w+)$/.exec(code) ?? []
  if (alert !== undefined) return alertTrouble(alert, own)
  return code === 'EPROTO' || /^ERR_(TLS|SSL)_/.test(code)
    ? { fault: 'no-tls', reason: 'what answers there does not speak TLS as we do' }
    : null
}

/**
 * A connection that was lost during the TLS handshake or right after it: TLS 1.3 tells of a certificate that it does not take only
 * then, and some servers just hang up. One that has answered us before takes ours, as long as it is valid: null then.
 */
export function lostInTls(when: 'during' | 'right after', own: TlsIdentity | null, hasAnswered: boolean): TlsTrouble | null {
  if (hasAnswered && (!own?.cert || expiryOf(own.cert) === null)) return null
  return certificateTrouble(`the connection was closed ${when} the TLS handshake`, own)
}

const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_(UNTRUSTED|REJECTED|CHAIN_TOO_LONG|SIGNATURE_FAILURE|REVOKED)|INVALID_(CA|PURPOSE))/

/** What Node adds after a semicolon is advice about its own command line. */
const wordsOf = ({ message }: Error): string => message.split(';', 1).join()

/** What the other side says about our certificate, by the names of RFC 8446, section 6. */
const ABOUT_CERTIFICATES =
  /^(CERTIFICATE_|BAD_CERTIFICATE|NO_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/

function alertTrouble(alert: string, own: TlsIdentity | null): TlsTrouble {
  const words = alert.toLowerCase().replaceAll('_', ' ')
  if (ABOUT_CERTIFICATES.test(alert)) return certificateTrouble(`it broke off the TLS handshake with "${words}"`, own)
  return { fault: 'no-tls', reason: `it broke off the TLS handshake with "${words}"` }
}

function certificateTrouble(reason: string, own: TlsIdentity | null): TlsTrouble {
  if (!own?.cert) return { fault: 'certificate-wanted', reason }
  const expired = expiryOf(own.cert)
  return { fault: 'certificate-refused', reason: expired === null ? reason : `${reason}; our own certificate expired on ${expired}` }
}

/** The day on which it has expired; null while it is valid. */
function expiryOf(pem: string): string | null {
  const { validToDate } = new X509Certificate(pem)
  return validToDate.getTime() < Date.now() ? validToDate.toISOString().slice(0, 10) : null
}

/** `its certificate is for agent.example, not for 127.0.0.1` */
function namesIn(error: Error): string {
  const names = 'cert' in error && error.cert instanceof Object && 'subjectaltname' in error.cert ? error.cert.subjectaltname : null
  const host = 'host' in error && typeof error.host === 'string' ? error.host.replace(/\.$/, '') : 'this host'
  const known = typeof names === 'string' ? names.replace(/(DNS|IP Address):/g, '') : 'no host at all'
  return `its certificate is for ${printable(known, NAMES_CHARACTERS_MAX)}, not for ${printable(host)}`
}

const NAMES_CHARACTERS_MAX = 100

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')
