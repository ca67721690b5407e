import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { openAccountAgent } from '../../adapters/ztm/account-agent.ts'
import { DEFAULT_ACCOUNT } from '../../domain/config.ts'
import { ConfigInvalid } from '../../domain/errors.ts'
import { interview } from '../../setup/interview.ts'
import { newAccount } from '../../setup/new-account.ts'
import type { Prompter } from '../../setup/prompter.ts'
import { hasAccounts, isSection, type Section, sectionAt } from '../../setup/section.ts'
import { readConfigFile } from '../config-file.ts'
import { configText } from '../init/config-text.ts'
import { type AskedResponder, askResponder } from '../init/responder.ts'
import { saveConfig } from '../init/save.ts'
import { Cancelled, terminalPrompter } from '../init/terminal-prompter.ts'
import { colours, complain, isTerminal, plain, print } from '../output.ts'
import { shellWord } from '../shell-word.ts'
import { typed, typedIn } from '../typed.ts'
import { UsageError } from '../usage-error.ts'
import { run } from './run.ts'

export type InitOptions = { readonly config: string; readonly stateDir: string }

/** Asks for everything that a bot needs, writes its config, and starts it when that is wanted. Writes nothing that was not agreed to. */
export async function init({ config, stateDir }: InitOptions): Promise<number> {
  if (!isTerminal) {
    throw new UsageError(
      `init asks questions, and needs a terminal; without one write ${config} yourself (meshName and username are enough), and look at it with "ztm-chat doctor".`,
    )
  }
  const prompter = terminalPrompter()
  let start: Start | null = null
  try {
    start = await setUp(prompter, prompter.left, config)
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    print('')
  } finally {
    prompter.close()
  }
  if (start === null) {
    complain(
      typedIn('Left without a bot; "ztm-chat init" asks again, and "ztm-chat run" starts that of a config that is there.', {
        config,
        stateDir,
      }),
    )
    return 1
  }
  const { config: path, responder, model } = start
  const options = ['--config', path, '--responder', responder, ...(model === undefined ? [] : ['--model', model])]
  const again = typed(['run', ...options.map(shellWord)].join(' '), { stateDir })
  print('')
  print(`${start.isWanted ? 'From now on it is started with' : 'Start it with'}: ${colours.bold(plain(again))}`)
  return start.isWanted ? run({ config: path, responder, ...(model !== undefined && { model }), stateDir, json: false }) : 0
}

type Start = AskedResponder & { readonly config: string; readonly isWanted: boolean }

/** Null when nothing was written. */
async function setUp(prompter: Prompter, left: AbortSignal, wanted: string): Promise<Start | null> {
  const place = await choosePlace(prompter, wanted)
  if (place === null) return null
  const { path, section: before, replaces } = place
  const section = await interview({
    prompter,
    section: before,
    account: await chooseAccount(prompter, before),
    open: settings => openAccountAgent(settings, systemClock, null),
    deadline: ms => AbortSignal.any([left, AbortSignal.timeout(ms)]),
  })
  if (section === null) return null
  const kept = await saveConfig(path, configText(section), { replaces })
  await prompter.note(`${path}${kept === null ? '' : `; what was there is in ${kept}`}`, 'Written')
  const asked = await askResponder(prompter)
  const isWanted = await prompter.confirm({ message: 'Start the bot now?', initialValue: true })
  return { config: path, ...asked, isWanted }
}

type Place = { readonly path: string; readonly section: Section; readonly replaces: boolean }

/** Where the config goes, and what it begins with. A file that is there is left alone until somebody says otherwise. */
async function choosePlace(prompter: Prompter, wanted: string): Promise<Place | null> {
  let path = wanted
  for (;;) {
    const fault = extname(path).toLowerCase() === '.json5' ? null : `${path} does not end with .json5, which is what is written.`
    if (fault === null && !existsSync(path)) return { path, section: {}, replaces: false }
    const found = fault === null ? await sectionIn(path) : { fault }
    if ('fault' in found) await prompter.note(found.fault, `Not this file: ${path}`)
    const change = { value: 'change' as const, label: 'Change it', hint: `it is filled in below, and written anew; ${path}.bak keeps it` }
    const choice = await prompter.select({
      message: 'fault' in found ? 'What now?' : `${path} is there already. What now?`,
      options: [
        ...('fault' in found ? [] : [change]),
        { value: 'other' as const, label: 'Write another file' },
        { value: 'leave' as const, label: 'Leave it as it is' },
      ],
    })
    if (choice === 'leave') return null
    if (choice === 'change' && !('fault' in found)) return { path, section: found.section, replaces: true }
    path = await prompter.text({ message: 'Path of the new file', placeholder: './my-bot.json5', validate: faultOfPath })
  }
}

const faultOfPath = (path: string): string | undefined => (path === '' ? 'Expected the path of a .json5 file.' : undefined)

async function sectionIn(path: string): Promise<{ readonly section: Section } | { readonly fault: string }> {
  try {
    const { input, prefix } = await readConfigFile(path)
    if (prefix !== '') return { fault: 'It is a whole OpenClaw config; "openclaw channels add ztm-chat" changes that one.' }
    return isSection(input) ? { section: input } : { fault: 'It is no object with options.' }
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return { fault: error.problems.join(' ') }
  }
}

/** Of a config with several bots the one that is meant, or a new one. */
async function chooseAccount(prompter: Prompter, section: Section): Promise<string> {
  if (!hasAccounts(section)) return DEFAULT_ACCOUNT
  const known = Object.keys(sectionAt(section, 'accounts')).map(id => id.toLowerCase())
  const chosen = await prompter.select<string | null>({
    message: 'Which account?',
    options: [...known.map(id => ({ value: id, label: id })), { value: null, label: 'A new account' }],
  })
  return chosen ?? newAccount(prompter, known)
}
