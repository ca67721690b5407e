import type { AccountSettings } from '../settings.ts'

/** `~` and `~/x` in paths become the given home folder; PEM texts and other paths stay as they are. */
export function expandHome(account: AccountSettings, home: string): AccountSettings {
  const expand = (path: string): string => (path === '~' || /^~[/\\]/.test(path) ? home + path.slice(1) : path)
  const optional = (path: string | null): string | null => (path === null ? null : expand(path))
  const { permit, tls } = account
  return {
    ...account,
    permit: permit?.source === 'file' ? { ...permit, path: expand(permit.path) } : permit,
    tls: tls && { ca: optional(tls.ca), cert: optional(tls.cert), key: optional(tls.key) },
  }
}
