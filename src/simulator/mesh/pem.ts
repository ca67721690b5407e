/** PEM look-alikes: they hold plain JSON, and nothing secret. */

export type Certificate = { readonly user: string; readonly notBeforeMs: number }

const wrap = (label: string, content: unknown): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(JSON.stringify(content)).toString('base64')}\n-----END ${label}-----\n`

function unwrap(label: string, pem: unknown): unknown {
  if (typeof pem !== 'string') return undefined
  const body = new RegExp(`^-----BEGIN ${label}-----\\n([A-Za-z0-9+/=]+)\\n-----END ${label}-----\\n?$`).exec(pem)?.[1]
  if (!body) return undefined
  try {
    return JSON.parse(Buffer.from(body, 'base64').toString())
  } catch {
    return undefined
  }
}

export const caPem = (mesh: string): string => wrap('CERTIFICATE', { ca: mesh })
export const isCa = (pem: unknown, mesh: string): boolean => pem === caPem(mesh)

export const certificatePem = (certificate: Certificate): string => wrap('CERTIFICATE', certificate)

export function readCertificate(pem: unknown): Certificate | null {
  const content = unwrap('CERTIFICATE', pem)
  if (typeof content !== 'object' || content === null || !('user' in content) || !('notBeforeMs' in content)) return null
  const { user, notBeforeMs } = content
  return typeof user === 'string' && typeof notBeforeMs === 'number' ? { user, notBeforeMs } : null
}

export const publicKeyPem = (id: string): string => wrap('PUBLIC KEY', { id })
export const privateKeyPem = (id: string): string => wrap('PRIVATE KEY', { id })

export function publicOfPrivate(pem: string): string | null {
  const content = unwrap('PRIVATE KEY', pem)
  return typeof content === 'object' && content !== null && 'id' in content ? publicKeyPem(String(content.id)) : null
}

/** A key that the hub can sign. */
export const isPublicKey = (pem: string): boolean => /^-----BEGIN PUBLIC KEY-----\n.+\n-----END PUBLIC KEY-----\n?$/s.test(pem)
