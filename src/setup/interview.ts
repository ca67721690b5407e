/**
 * The six questions of a setup, whoever asks them: agent, mesh and permit, user, security, groups, summary.
 *
 * Q1. Nothing is written: the answers come back as an account's options, and only after somebody has said that they are right.
 * Q2. What is asked for is checked by the schema, in the schema's own sentences.
 * Q3. What the agent knows is offered first. An agent that does not answer is no reason to stop: it may be started later.
 */
import { type AccountInput, optionFault, parseConfig } from '../domain/config.ts'
import { ConfigInvalid } from '../domain/errors.ts'
import type { AccountId } from '../domain/ids.ts'
import type { AccountSettings } from '../domain/settings.ts'
import { type Detected, detect, type OpenAgent, type Probe, probeOnce, probeSentence } from './probe.ts'
import type { Prompter } from './prompter.ts'
import { effectiveOptions, type Options, type Section, withOptions } from './section.ts'

/** What the older plugin's wizard offered, too. */
const OFFERED = {
  agentUrl: 'http://localhost:7777',
  permitUrl: 'https://clawparty.flomesh.io:7779/permit',
  permitFilePath: '~/permit.json',
  meshName: 'openclaw-mesh',
  username: 'openclaw-bot',
}
const LOOK_MS_MAX = 10_000

export type InterviewOptions = {
  readonly prompter: Prompter
  readonly section: Section
  readonly account: AccountId
  readonly open: OpenAgent
  /** Fires when a look at the agent has taken too long. */
  readonly deadline: (ms: number) => AbortSignal
  /** Asks about direct messages, too; left out where the caller has a step of its own for them. */
  readonly withSecurity?: boolean
}

/** The new section, or null when nothing is to be saved. */
export async function interview(options: InterviewOptions): Promise<Section | null> {
  const { prompter, account, open, deadline } = options
  let before = options.section
  for (;;) {
    const answers = await ask({ ...options, section: before })
    const section = withOptions(options.section, account, answers)
    const checked = settingsOf(section, account)
    await prompter.note(summaryOf(checked.settings, answers).join('\n'), 'Step 6 of 6: summary')
    for (const problem of checked.problems) await prompter.note(problem, 'Cannot be saved as it is')
    if (checked.settings !== null) await test({ prompter, open, deadline }, checked.settings)
    const next = await prompter.select({
      message: 'Save this configuration?',
      options: [
        ...(checked.settings === null ? [] : [{ value: 'save' as const, label: 'Save' }]),
        { value: 'again' as const, label: 'Change something', hint: 'asks again, with these answers filled in' },
        { value: 'leave' as const, label: 'Leave without saving' },
      ],
    })
    if (next === 'save') return section
    if (next === 'leave') return null
    before = section
  }
}

export type Testing = Pick<InterviewOptions, 'prompter' | 'open' | 'deadline'>

/** The connection as the account would have it. */
export async function test({ prompter, open, deadline }: Testing, settings: AccountSettings): Promise<Probe> {
  const progress = prompter.progress(`Testing the connection to ${settings.agentUrl} …`)
  const probe = await probeOnce(open, settings, deadline(LOOK_MS_MAX))
  progress.stop(probe.ok ? 'The connection works.' : 'The connection does not work yet.')
  await prompter.note(probeSentence(probe), probe.ok ? 'Connection test: works' : 'Connection test: failed')
  return probe
}

/** The account as it would run, or what keeps it from running. Other accounts' mistakes are not this one's. */
export function settingsOf(
  section: Section,
  account: AccountId,
): { readonly settings: AccountSettings | null; readonly problems: readonly string[] } {
  const alone = { ...effectiveOptions(section, account), enabled: true }
  try {
    const [settings] = parseConfig(alone, { prefix: '' }).accounts
    return { settings: settings ?? null, problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return { settings: null, problems: error.problems }
  }
}

async function ask({ prompter, section, account, open, deadline, withSecurity = true }: InterviewOptions): Promise<Options> {
  const said = effectiveOptions(section, account)
  const textOf = (name: string): string | undefined => (typeof said[name] === 'string' ? said[name] : undefined)
  const isOn = (name: string, standard: boolean): boolean => (typeof said[name] === 'boolean' ? said[name] : standard)
  const text = async (name: keyof AccountInput, message: string, initialValue: string): Promise<string> => {
    const validate = (value: string) => optionFault(name, value.trim()) ?? undefined
    return (await prompter.text({ message, initialValue, placeholder: initialValue, validate })).trim()
  }

  // 1. The agent.
  let agentUrl = textOf('agentUrl') ?? OFFERED.agentUrl
  let found: Detected | null = null
  for (;;) {
    agentUrl = await text('agentUrl', 'Step 1 of 6: URL of the ZTM agent', agentUrl)
    const progress = prompter.progress(`Looking at the ZTM agent at ${agentUrl} …`)
    try {
      const draft = { ...said, agentUrl, meshName: OFFERED.meshName, username: OFFERED.username, ...NO_PERMIT }
      const [settings] = parseConfig({ ...draft, enabled: true }, { prefix: '' }).accounts
      found = settings ? await detect(open, settings, deadline(LOOK_MS_MAX)) : null
      progress.stop(`ZTM agent ${found?.version ?? ''}: ${meshesOf(found)}`)
      break
    } catch (error) {
      progress.stop('The ZTM agent does not answer.')
      await prompter.note(error instanceof Error ? error.message : String(error), 'No ZTM agent there')
      const goOn = { value: 'go on', label: 'Go on all the same', hint: 'the account connects as soon as the agent runs' }
      const again = { value: 'again', label: 'Another URL, or the same once more' }
      if ((await prompter.select({ message: 'What now?', options: [again, goOn] })) === 'go on') break
    }
  }

  // 2. The mesh, and a permit where the agent has not joined it.
  const meshName = await askMesh(prompter, text, found, textOf('meshName'))
  const joined = found?.meshes.find(mesh => mesh.name === meshName)
  const permit = joined ? {} : await askPermit(prompter, text, textOf)

  // 3. The bot's user: on a mesh that is joined it is the agent's own.
  const username = await text('username', "Step 3 of 6: the bot's user on the mesh", joined?.user ?? textOf('username') ?? OFFERED.username)
  if (joined?.user && joined.user !== username) {
    await prompter.note(`The agent is "${joined.user}" on the mesh "${meshName}"; with another name the account stays blocked.`, 'User')
  }

  const security = withSecurity ? await askSecurity(prompter, said) : {}
  return { agentUrl, meshName, ...permit, username, ...security, ...(await askGroups(prompter, said, isOn)) }
}

const NO_PERMIT = { permitSource: null, permitUrl: null, permitFilePath: null }

const meshesOf = (found: Detected | null): string =>
  found?.meshes.length
    ? `${found.meshes.map(({ name, user }) => (user === null ? name : `${name} (user ${user})`)).join(', ')}`
    : 'it has joined no mesh yet'

type AskText = (name: keyof AccountInput, message: string, initialValue: string) => Promise<string>

async function askMesh(prompter: Prompter, text: AskText, found: Detected | null, said: string | undefined): Promise<string> {
  const message = 'Step 2 of 6: the mesh'
  const typed = () => text('meshName', `${message}, by name`, said ?? OFFERED.meshName)
  if (!found?.meshes.length) return typed()
  const options = found.meshes.map(({ name, user, connected }) => ({
    value: name,
    label: name,
    hint: `${user === null ? 'joined' : `joined as ${user}`}${connected ? '' : ', not connected now'}`,
  }))
  const known = found.meshes.some(mesh => mesh.name === said)
  const chosen = await prompter.select<string | null>({
    message,
    options: [...options, { value: null, label: 'Another one', hint: 'the agent joins it with a permit' }],
    ...(known && said !== undefined ? { initialValue: said } : {}),
  })
  return chosen ?? typed()
}

async function askPermit(prompter: Prompter, text: AskText, said: (name: string) => string | undefined): Promise<Options> {
  const permitSource = await prompter.select({
    message: 'Where does the permit to join the mesh come from?',
    options: [
      { value: 'server', label: 'Permit server', hint: 'asks it with the identity of the agent' },
      { value: 'file', label: 'File', hint: 'a permit.json that you have got' },
    ],
    initialValue: said('permitSource') ?? 'server',
  })
  if (permitSource === 'server') {
    const permitUrl = await text('permitUrl', 'URL of the permit server', said('permitUrl') ?? OFFERED.permitUrl)
    return { ...NO_PERMIT, permitSource, permitUrl }
  }
  const permitFilePath = await text('permitFilePath', 'Path of the permit file', said('permitFilePath') ?? OFFERED.permitFilePath)
  return { ...NO_PERMIT, permitSource, permitFilePath }
}

const DM_POLICIES = [
  { value: 'pairing', label: 'Pairing (recommended)', hint: 'strangers get a code, and you approve it' },
  { value: 'allowlist', label: 'Allowlist', hint: 'only the users that you name' },
  { value: 'open', label: 'Open', hint: 'everybody on the mesh' },
  { value: 'disabled', label: 'Disabled', hint: 'no direct messages at all' },
]

/** `allow` and `deny` are the older plugin's names. */
const canonical = (policy: unknown): string => (policy === 'allow' ? 'open' : policy === 'deny' ? 'allowlist' : String(policy ?? 'pairing'))

async function askSecurity(prompter: Prompter, said: Options): Promise<Options> {
  const dmPolicy = await prompter.select({
    message: 'Step 4 of 6: who may write to the bot directly?',
    options: DM_POLICIES,
    initialValue: canonical(said.dmPolicy),
  })
  if (dmPolicy === 'open' || dmPolicy === 'disabled') return { dmPolicy }
  const before = Array.isArray(said.allowFrom) ? said.allowFrom.join(', ') : ''
  const allowFrom = await prompter.text({
    message: `Users who may write${dmPolicy === 'pairing' ? ' without a code' : ''}, separated by commas (nobody: leave it empty)`,
    initialValue: before,
    placeholder: 'alice, bob',
    validate: value => optionFault('allowFrom', listOf(value)) ?? undefined,
  })
  return { dmPolicy, allowFrom: listOf(allowFrom) }
}

export const listOf = (value: string): string[] =>
  value
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')

async function askGroups(prompter: Prompter, said: Options, isOn: (name: string, standard: boolean) => boolean): Promise<Options> {
  const enableGroups = await prompter.confirm({
    message: 'Step 5 of 6: should the bot answer in groups?',
    initialValue: isOn('enableGroups', false),
  })
  if (!enableGroups) return { enableGroups }
  const groupPolicy = await prompter.select({
    message: 'Who may write to it in groups?',
    options: [
      { value: 'allowlist', label: 'Allowlist', hint: "the group's creator, and whom groupPermissions names" },
      { value: 'open', label: 'Open', hint: 'every member' },
      { value: 'disabled', label: 'Creator only', hint: "nobody but the group's creator" },
    ],
    initialValue: String(said.groupPolicy ?? 'allowlist'),
  })
  const requireMention = await prompter.confirm({
    message: 'Only when it is mentioned (@user)?',
    initialValue: isOn('requireMention', true),
  })
  return { enableGroups, groupPolicy, requireMention }
}

const DM_WORDS: Readonly<Record<AccountSettings['dmPolicy'], string>> = {
  pairing: 'strangers get a pairing code',
  open: 'everybody on the mesh may write',
  allowlist: 'only the users named here',
  disabled: 'none',
}

export function summaryOf(settings: AccountSettings | null, answers: Options): readonly string[] {
  if (settings === null) return Object.entries(answers).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  const { agentUrl, meshName, username, permit, dmPolicy, allowFrom, enableGroups, groupPolicy, requireMention } = settings
  return [
    `ZTM agent: ${agentUrl}`,
    `Mesh: ${meshName}${permit === null ? '' : ` (permit from ${permit.source === 'server' ? permit.url : permit.path})`}`,
    `User: ${username}`,
    `Direct messages: ${dmPolicy}, ${DM_WORDS[dmPolicy]}${allowFrom.length === 0 ? '' : `; allowed: ${allowFrom.join(', ')}`}`,
    `Groups: ${enableGroups ? `${groupPolicy}${requireMention ? ', when mentioned' : ', every message'}` : 'off'}`,
  ]
}
