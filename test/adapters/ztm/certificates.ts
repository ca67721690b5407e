/** Authorities and certificates, made for one test run; they open nothing else. */
import { generate } from 'selfsigned'

export type Identity = { readonly cert: string; readonly key: string }
export type LeafOptions = {
  /** Host names and IPv4 addresses. */
  readonly hosts?: readonly string[]
  readonly notBefore?: string
  readonly notAfter?: string
}
export type Authority = Identity & { signs(name: string, options?: LeafOptions): Promise<Identity & { readonly publicKey: string }> }

const EC = { keyType: 'ec', algorithm: 'sha256' } as const
const named = (name: string) => [{ name: 'commonName', value: name }]

export async function createAuthority(name = 'test authority'): Promise<Authority> {
  const { cert, private: key } = await generate(named(name), {
    ...EC,
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  })
  return {
    cert,
    key,
    async signs(user, { hosts = ['127.0.0.1'], notBefore = '2020-01-01', notAfter = '2120-01-01' } = {}) {
      const leaf = await generate(named(user), {
        ...EC,
        ca: { key, cert },
        notBeforeDate: new Date(notBefore),
        notAfterDate: new Date(notAfter),
        extensions: [
          { name: 'basicConstraints', cA: false },
          {
            name: 'subjectAltName',
            altNames: hosts.map(host => (/^[\d.]+$/.test(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host })),
          },
        ],
      })
      return { cert: leaf.cert, key: leaf.private, publicKey: leaf.public }
    },
  }
}

/** A key that cannot be read without its passphrase. */
export async function encryptedKey(): Promise<Identity> {
  const { cert, private: key } = await generate(named('locked'), { ...EC, passphrase: 'hunter2' })
  return { cert, key }
}
