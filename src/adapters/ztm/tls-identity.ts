/** What `tls` of an account names, read and checked before the first connection: OpenSSL's own words help nobody. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { ConfigInvalid } from '../../domain/errors.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { readSmallFile } from './small-file.ts'
import type { TlsIdentity } from './tls-faults.ts'

type Part = keyof TlsIdentity

/** Null: plain TLS with the system's authorities. @throws {ConfigInvalid} with a sentence for each part that cannot be used. */
export function readTlsIdentity({ id, tls }: Pick<AccountSettings, 'id' | 'tls'>): TlsIdentity | null {
  if (tls === null) return null
  const problems: string[] = []
  const read = (part: Part): string | null => {
    const value = tls[part]
    // A secret reference gives the text itself.
    if (value === null || value.includes('-----BEGIN')) return value
    const file = readSmallFile(value, { isSecret: part === 'key' })
    if ('text' in file) return file.text
    problems.push(`tls.${part} of account "${id}", ${value}, ${file.fault}.`)
    return null
  }
  const identity = { ca: read('ca'), cert: read('cert'), key: read('key') }
  const check = (part: Part, fault: string | null) => {
    if (fault !== null) problems.push(`tls.${part} of account "${id}" ${fault}.`)
  }
  check('ca', identity.ca === null ? null : faultOfCertificates(identity.ca))
  check('cert', identity.cert === null ? null : faultOfCertificates(identity.cert))
  check('key', identity.key === null ? null : faultOfKey(identity.key, identity.cert))
  if (problems.length > 0) throw new ConfigInvalid(problems)
  return identity
}

const CERTIFICATES = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

function certificatesIn(pem: string): readonly X509Certificate[] | null {
  try {
    return (pem.match(CERTIFICATES) ?? []).map(text => new X509Certificate(text))
  } catch {
    return null
  }
}

function faultOfCertificates(pem: string): string | null {
  const found = certificatesIn(pem)
  if (found === null) return 'holds a certificate that cannot be read; have it made again'
  return found.length === 0 ? 'holds no certificate; expected PEM ("-----BEGIN CERTIFICATE-----")' : null
}

/** Nothing of a key is ever quoted. */
function faultOfKey(pem: string, cert: string | null): string | null {
  // The words of both ways to write an encrypted key in PEM.
  if (/ENCRYPTED/.test(pem)) return 'is encrypted; expected a key without a passphrase'
  const key = keyIn(pem)
  if (key === null) return 'is no private key; expected PEM ("-----BEGIN PRIVATE KEY-----")'
  const [own] = cert === null ? [] : (certificatesIn(cert) ?? [])
  return own === undefined || own.checkPrivateKey(key) ? null : 'does not belong to tls.cert; set the key that the certificate was made for'
}

function keyIn(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem)
  } catch {
    return null
  }
}
