/** What `openclaw doctor` says about our section, and what `doctor --fix` mends in it. Loaded without the rest of the plugin. */

import { parseConfig, RETIRED_OPTIONS } from '../domain/config.ts'
import { ConfigInvalid } from '../domain/errors.ts'
import { type Section, sectionAt } from '../setup/section.ts'
import { channelSection, withSection } from './accounts.ts'
import type { OpenClawConfig } from './host.ts'
import { CHANNEL_ID } from './names.ts'

type Rule = { path: string[]; message: string; match?: (value: unknown) => boolean }

const isRetired = (name: string): boolean => RETIRED_OPTIONS.some(retired => retired === name)
const retiredIn = (own: Section): string[] => Object.keys(own).filter(isRetired)

/** Configs written for `@flomesh/ztm-chat` work as they are; what has no effect any more is pointed out. */
export const legacyConfigRules: Rule[] = [
  ...RETIRED_OPTIONS.map(name => ({
    path: ['channels', CHANNEL_ID, name],
    message: `channels.${CHANNEL_ID}.${name} is an option of the older plugin and has no effect; "openclaw doctor --fix" removes it.`,
  })),
  {
    path: ['channels', CHANNEL_ID, 'accounts'],
    message: `channels.${CHANNEL_ID}.accounts has options of the older plugin that have no effect; "openclaw doctor --fix" removes them.`,
    match: accounts => Object.keys(Object(accounts)).some(id => retiredIn(sectionAt(accounts, id)).length > 0),
  },
]

export function normalizeCompatibilityConfig({ cfg }: { cfg: OpenClawConfig }): { config: OpenClawConfig; changes: string[] } {
  const section = channelSection(cfg)
  const accounts = sectionAt(section, 'accounts')
  const changes = [
    ...retiredIn(section).map(name => `Removed channels.${CHANNEL_ID}.${name}, which has no effect.`),
    ...Object.keys(accounts).flatMap(id =>
      retiredIn(sectionAt(accounts, id)).map(name => `Removed channels.${CHANNEL_ID}.accounts.${id}.${name}, which has no effect.`),
    ),
  ]
  if (changes.length === 0) return { config: cfg, changes }
  const kept = (own: Section): Section => Object.fromEntries(Object.entries(own).filter(([name]) => !isRetired(name)))
  const cleaned = Object.fromEntries(Object.keys(accounts).map(id => [id, accounts[id] === null ? null : kept(sectionAt(accounts, id))]))
  return { config: withSection(cfg, { ...kept(section), ...('accounts' in section ? { accounts: cleaned } : {}) }), changes }
}

/** Everything that is worth a word without asking anybody outside. */
export function previewWarnings({ cfg }: { cfg: OpenClawConfig }): string[] {
  if (cfg.channels?.[CHANNEL_ID] === undefined) return []
  try {
    const { warnings } = parseConfig(channelSection(cfg))
    return warnings.filter(warning => !warning.includes('option of the older plugin')).map(warning => `- ${warning}`)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return error.problems.map(problem => `- ${problem}`)
  }
}
