/**
 * What all loads of this plugin in one process have in common. OpenClaw loads it anew at a reload, from another path and so as another
 * module, while accounts of the load before are still closing and their turns are still answered.
 */
import { createRunningAccounts, type RunningAccounts } from './running.ts'
import { createTurns, type Turns } from './turns.ts'

export type Shared = { readonly running: RunningAccounts; readonly turns: Turns }

/** The number counts changes of `Shared`: a newer plugin in the same process does not take an older one's. */
const SHARED = Symbol.for('openclaw-ztm-chat/shared/1')

type Holder = typeof globalThis & { [SHARED]?: Shared }

export function sharedState(): Shared {
  const holder: Holder = globalThis
  holder[SHARED] ??= { running: createRunningAccounts(), turns: createTurns() }
  return holder[SHARED]
}
