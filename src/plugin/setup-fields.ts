/** The flags of `openclaw channels add`, in the host's words. package.json carries the same, for `--help` without our code. */
import { accountFlags, type Flag } from '../domain/config.ts'
import type { SetupField } from './host.ts'

const fieldOf = ({ kind, choices = [], flags, negatedFlags, description, sensitive }: Flag): SetupField => {
  const cli = { flags, description }
  const secret = sensitive ? { sensitive } : {}
  switch (kind) {
    case 'boolean':
      return { kind, cli: { ...cli, ...(negatedFlags === undefined ? {} : { negatedFlags }) } }
    case 'integer':
      return { kind, cli }
    case 'string-list':
      return { kind, ...secret, cli }
    case 'choice':
      return { kind, choices: [...choices], cli }
    default:
      return { kind: 'string', ...secret, cli }
  }
}

export const setupFields = (): Record<string, SetupField> => Object.fromEntries(accountFlags().map(flag => [flag.key, fieldOf(flag)]))
