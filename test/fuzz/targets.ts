/** All parsers of what comes from elsewhere. */
import { agentTargets } from './parsers/agent.ts'
import { cliTargets } from './parsers/cli.ts'
import { configTargets } from './parsers/config.ts'
import { closeInspector, inspectorTargets } from './parsers/inspector.ts'
import { messageTargets } from './parsers/messages.ts'
import { storeTargets } from './parsers/store.ts'
import type { Target } from './target.ts'

export const TARGETS: readonly Target[] = [
  ...agentTargets,
  ...messageTargets,
  ...configTargets,
  ...storeTargets,
  ...cliTargets,
  ...inspectorTargets,
]

export const closeTargets = closeInspector
