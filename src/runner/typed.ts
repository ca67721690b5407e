/** Commands as they have to be typed to reach the bot that this command was about: whoever has named its config or its state names them again. */
import { shellWord } from './shell-word.ts'
import { defaultStateDir } from './state-dir.ts'

export const DEFAULT_CONFIG = './ztm-chat.json5'

/** Where a bot is, as far as the command line says it. */
export type Place = {
  readonly config?: string | undefined
  readonly stateDir?: string | undefined
  /** Of a fleet, which has no state directory. */
  readonly admin?: string | undefined
  readonly ingress?: string | undefined
}

/** `ztm-chat COMMAND` with what it needs of these, and does not name itself. */
export function typed(command: string, { config = DEFAULT_CONFIG, stateDir = defaultStateDir(), admin, ingress }: Place): string {
  const isFleet = admin !== undefined && ingress !== undefined
  // A move has both ends.
  const hasState = !isFleet || command.startsWith('fleet ')
  const options: readonly (readonly [name: string, value: string])[] = [
    ...(config === DEFAULT_CONFIG ? [] : [['--config', config] as const]),
    ...(isFleet
      ? ([
          ['--admin', admin],
          ['--ingress', ingress],
        ] as const)
      : []),
    ...(hasState && stateDir !== defaultStateDir() ? [['--state-dir', stateDir] as const] : []),
  ]
  const missing = options.filter(([name]) => !command.includes(`${name} `))
  return ['ztm-chat', command, ...missing.flat().map(shellWord)].join(' ')
}

/** The same for every command of this program that stands in quotes in a sentence. */
export const typedIn = (sentence: string, place: Place): string =>
  sentence.replace(/"ztm-chat ([^"]+)"/g, (_, command: string) => `"${typed(command, place)}"`)
