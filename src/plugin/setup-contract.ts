/** `openclaw channels add --channel ztm-chat …`: the same options as in the config, as flags. */
import { optionsOfFlags } from '../domain/config.ts'
import { settingsOf } from '../setup/interview.ts'
import { detect, type OpenAgent, probeOnce, probeSentence } from '../setup/probe.ts'
import { effectiveOptions, type Options, type Section, withOptions } from '../setup/section.ts'
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
      /** What was left out and the agent knows beyond doubt is taken from it. */
      async prepareAccountConfigInput({ cfg, accountId, input }) {
        const draft = effectiveOptions(sectionWith(channelSection(cfg), accountId, input), accountId)
        if (draft.meshName && draft.username) return input
        const { settings } = settingsOf(
          { ...draft, meshName: draft.meshName ?? 'unknown', username: draft.username ?? 'unknown' },
          'default',
        )
        if (settings === null) return input
        try {
          const { meshes } = await detect(await open(), settings, AbortSignal.timeout(LOOK_MS_MAX))
          const known = meshes.filter(mesh => draft.meshName === undefined || mesh.name === draft.meshName)
          const [only] = known
          if (known.length !== 1 || only === undefined) return input
          return {
            ...input,
            meshName: input.meshName ?? only.name,
            ...(draft.username || only.user === null ? {} : { username: only.user }),
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
