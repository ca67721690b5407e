/** `openclaw channels add --channel ztm-chat …`: the same options as in the config, as flags. */
import { DEFAULT_ACCOUNT, optionsOfFlags } from '../domain/config.ts'
import { settingsOf } from '../setup/interview.ts'
import { detect, type OpenAgent, probeOnce, probeSentence } from '../setup/probe.ts'
import { effectiveOptions, type Options, ownOptions, type Section, withOptions } from '../setup/section.ts'
import { channelSection, withSection } from './accounts.ts'
import type { DefineSetup, SetupContract } from './host.ts'
import { setupFields } from './setup-fields.ts'

const LOOK_MS_MAX = 10_000

type Input = Readonly<Record<string, unknown>>

const optionsFrom = (input: Input): Options => ({
  ...optionsOfFlags(input),
  ...(input.name === undefined ? {} : { name: input.name }),
})

/** `define` is the host's own. `open` is asked for late: whoever only looks at the channel needs no HTTP client. */
export function createSetupContract(define: DefineSetup, open: () => Promise<OpenAgent>): SetupContract {
  const sectionWith = (section: Section, accountId: string, input: Input): Section => {
    const given = optionsFrom(input)
    // Adding an account that is there and off switches it on.
    return withOptions(section, accountId, {
      ...given,
      ...(effectiveOptions(section, accountId).enabled === false ? { enabled: true } : {}),
    })
  }
  return define({
    fields: setupFields(),
    adapter: {
      configPromotion: 'preserve-root',
      /** What the account leaves out and the agent knows beyond doubt is taken from it: another agent mostly is another bot. */
      async prepareAccountConfigInput({ cfg, accountId, input }) {
        const section = sectionWith(channelSection(cfg), accountId, input)
        const own = ownOptions(section, accountId)
        if (own.meshName && own.username) return input
        const draft = { ...effectiveOptions(section, accountId), meshName: own.meshName ?? 'unknown', username: own.username ?? 'unknown' }
        const { settings } = settingsOf(draft, DEFAULT_ACCOUNT)
        if (settings === null) return input
        try {
          const { meshes } = await detect(await open(), settings, AbortSignal.timeout(LOOK_MS_MAX))
          const wanted = own.meshName ?? (meshes.length === 1 ? meshes[0]?.name : effectiveOptions(section, accountId).meshName)
          const found = meshes.find(mesh => mesh.name === wanted)
          if (found === undefined) return input
          return {
            ...input,
            meshName: input.meshName ?? found.name,
            ...(own.username || found.user === null ? {} : { username: found.user }),
          }
        } catch {
          // Without an answer the validation says what is missing.
          return input
        }
      },
      validateInput({ cfg, accountId, input }) {
        const { problems } = settingsOf(sectionWith(channelSection(cfg), accountId, input), accountId)
        return problems.length === 0 ? null : problems.join(' ')
      },
      applyAccountName: ({ cfg, accountId, name }) =>
        name === undefined ? cfg : withSection(cfg, withOptions(channelSection(cfg), accountId, { name })),
      applyAccountConfig: ({ cfg, accountId, input }) => withSection(cfg, sectionWith(channelSection(cfg), accountId, input)),
      async afterAccountConfigWritten({ cfg, accountId, runtime }) {
        const { settings } = settingsOf(channelSection(cfg), accountId)
        if (settings === null) return
        const probe = await probeOnce(await open(), settings, AbortSignal.timeout(LOOK_MS_MAX))
        runtime.log(
          `${probe.ok ? 'Connection test: works.' : 'Connection test: failed; the configuration is kept.'} ${probeSentence(probe)}`,
        )
      },
    },
  })
}
