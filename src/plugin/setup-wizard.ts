/** OpenClaw's wizard (`onboard`, `configure`, `channels add ztm-chat`) asks our questions: this only carries them over. */
import { DEFAULT_ACCOUNT } from '../domain/config.ts'
import { newAccount } from '../setup/new-account.ts'
import { hasAccounts, type Section, withOptions } from '../setup/section.ts'
import { channelSection, defaultAccountId, deleteAccount, listAccountIds, type ResolveAccount, withSection } from './accounts.ts'
import type { OpenClawConfig, SetupWizard, WizardPrompter } from './host.ts'
import { CHANNEL_ID, CHANNEL_LABEL } from './names.ts'

type ConfigureContext = Parameters<NonNullable<SetupWizard['configureInteractive']>>[0]

/** Chosen in place of an account. */
const NEW = null

export function createSetupWizard(resolveAccount: ResolveAccount): SetupWizard {
  const isConfigured = (cfg: OpenClawConfig) => listAccountIds(cfg).some(id => resolveAccount(cfg, id).settings !== null)

  async function configure({ cfg, prompter, accountOverrides }: Pick<ConfigureContext, 'cfg' | 'prompter' | 'accountOverrides'>) {
    const account = accountOverrides[CHANNEL_ID]?.toLowerCase() ?? (await chooseAccount(cfg, prompter, { withNew: true }))
    const section = await askAbout(cfg, prompter, account)
    return section === null ? { cfg, completion: 'paused' as const } : { cfg: withSection(cfg, section), accountId: account }
  }

  async function askAbout(cfg: OpenClawConfig, prompter: WizardPrompter, account: string): Promise<Section | null> {
    const [{ interview }, { world }] = await Promise.all([import('../setup/interview.ts'), import('./world.ts')])
    const section = channelSection(cfg)
    const answered = await interview({
      prompter,
      section,
      account,
      open: settings => world.agent(settings, null),
      deadline: ms => AbortSignal.timeout(ms),
    })
    return answered === null ? null : withOptions(answered, account, resolveAccount(cfg, account).enabled ? {} : { enabled: true })
  }

  /** Which of the accounts there are, when there are several; a new one gets its name here. */
  async function chooseAccount(cfg: OpenClawConfig, prompter: WizardPrompter, { withNew }: { withNew: boolean }): Promise<string> {
    const section = channelSection(cfg)
    if (!hasAccounts(section) && !isConfigured(cfg)) return DEFAULT_ACCOUNT
    const known = listAccountIds(cfg)
    if (!withNew && known.length === 1) return known[0] ?? DEFAULT_ACCOUNT
    const chosen = await prompter.select<string | null>({
      message: 'Which account?',
      options: [...known.map(id => ({ value: id, label: id })), ...(withNew ? [{ value: NEW, label: 'A new account' }] : [])],
      initialValue: defaultAccountId(cfg),
    })
    return chosen === NEW ? newAccount(prompter, known) : chosen
  }

  async function manage({ cfg, prompter, accountOverrides }: ConfigureContext) {
    const change = await prompter.select({
      message: `${CHANNEL_LABEL} is configured. What do you want to do?`,
      options: [
        { value: 'test', label: 'Test the connection' },
        { value: 'edit', label: 'Change an account' },
        { value: 'add', label: 'Add an account' },
        { value: 'remove', label: 'Remove an account' },
        { value: 'leave', label: 'Leave it as it is' },
      ],
    })
    const chosen = async () => accountOverrides[CHANNEL_ID]?.toLowerCase() ?? (await chooseAccount(cfg, prompter, { withNew: false }))
    switch (change) {
      case 'test': {
        await testAccount(cfg, prompter, await chosen())
        return 'skip' as const
      }
      case 'edit':
        return configure({ cfg, prompter, accountOverrides: { [CHANNEL_ID]: await chosen() } })
      case 'add':
        return configure({ cfg, prompter, accountOverrides: { [CHANNEL_ID]: await newAccount(prompter, listAccountIds(cfg)) } })
      case 'remove': {
        const account = await chosen()
        const isSure = await prompter.confirm({ message: `Remove the account "${account}" from the config?`, initialValue: false })
        return isSure ? { cfg: deleteAccount({ cfg, accountId: account }) } : ('skip' as const)
      }
      default:
        return 'skip' as const
    }
  }

  async function testAccount(cfg: OpenClawConfig, prompter: WizardPrompter, account: string): Promise<void> {
    const { settings, problems } = resolveAccount(cfg, account)
    if (settings === null) return prompter.note(problems.join('\n'), `Account "${account}"`)
    const [{ test }, { world }] = await Promise.all([import('../setup/interview.ts'), import('./world.ts')])
    const options = {
      prompter,
      open: (found: typeof settings) => world.agent(found, null),
      deadline: (ms: number) => AbortSignal.timeout(ms),
    }
    await test(options, settings)
  }

  return {
    channel: CHANNEL_ID,
    async getStatus({ cfg }) {
      const configured = isConfigured(cfg)
      return {
        channel: CHANNEL_ID,
        configured,
        statusLines: [`${CHANNEL_LABEL}: ${configured ? 'configured' : 'needs a ZTM agent'}`],
        selectionHint: configured ? 'configured' : 'peer-to-peer mesh',
        quickstartScore: configured ? 1 : 0,
      }
    },
    configure,
    configureInteractive: ctx => (ctx.configured ? manage(ctx) : configure(ctx)),
    disable: cfg => withSection(cfg, { ...channelSection(cfg), enabled: false }),
  }
}
