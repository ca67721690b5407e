const AN_URL = 'an http or https URL, such as "http://localhost:7777"'

function parsed(value: string): URL | null {
  // `http:x` and `http:///x` are URLs to the parser, and typing errors to people.
  return /^https?:\/\/[^/\\]/i.test(value) ? URL.parse(value) : null
}

/** Only this machine can listen there. */
export function isLoopback(url: string): boolean {
  const host = parsed(url)?.hostname ?? ''
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

export const isPlainHttp = (url: string): boolean => /^http:/i.test(url)

/** What was expected in place of this agentUrl; null when it is good. */
export function agentUrlFault(value: string): string | null {
  const url = parsed(value)
  if (url === null) return AN_URL
  if (url.username !== '' || url.password !== '') return 'an http or https URL without user name and password'
  if (value.includes('?') || value.includes('#')) return 'an http or https URL without "?" and "#"'
  return null
}

/** What was expected in place of this permitUrl; null when it is good. A permit lets its holder into the mesh: it never travels in the clear. */
export function permitUrlFault(value: string): string | null {
  const url = parsed(value)
  if (url === null || (isPlainHttp(value) && !isLoopback(value))) return 'an https URL (http only on this machine)'
  if (url.username !== '' || url.password !== '') return 'an https URL without user name and password'
  return null
}

/** One spelling for one address: no trailing slash, host in lower case. */
export function canonicalUrl(value: string): string {
  const url = parsed(value)
  return url === null ? value : url.origin + url.pathname.replace(/\/+$/, '')
}

/** Whether two agentUrls lead to the same place: every name of this machine is the same. */
export function sameAddress(value: string): string {
  const url = new URL(value)
  if (isLoopback(value)) url.hostname = 'localhost'
  return canonicalUrl(url.href)
}

/** For errors: what may be a secret (user info, query) is masked. */
export const maskUrl = (value: string): string => value.replace(/\/\/[^/?#]*@/, '//***@').replace(/\?.*/s, '?***')
