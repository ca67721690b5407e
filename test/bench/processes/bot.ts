/** The bot in a process of its own, through the runner's own front door. */

import { openAccountStore } from '../../../src/adapters/store/account-store.ts'
import { parseConfig } from '../../../src/domain/config.ts'
import type { Limits } from '../../../src/domain/limits.ts'
import type { Log } from '../../../src/ports/log.ts'
import { echoResponder } from '../../../src/runner/responders/echo.ts'
import { type Runner, startRunner } from '../../../src/runner/start-runner.ts'
import { serve } from '../kit/child.ts'
import { writeJournal, writeSnapshots } from '../kit/records.ts'
import { botName, MESH } from './names.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
let runner: Runner | null = null

const settled = () => {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
}

export type Usage = { readonly cpuMs: number; readonly rssBytes: number; readonly heapBytes: number }

export const handlers = {
  /** Milliseconds until every account is live. `first`: number of the first of these bots. */
  async start(folder: string, urls: readonly string[], limits: Partial<Limits> = {}, inspect = false, first = 0): Promise<number> {
    const accounts = Object.fromEntries(
      urls.map((agentUrl, index) => [`bot${index}`, { agentUrl, meshName: MESH, username: botName(first + index) }]),
    )
    const config = parseConfig({ dmPolicy: 'allow', accounts, limits })
    const beganAt = performance.now()
    const live = new Set<string>()
    const { promise, resolve } = Promise.withResolvers<void>()
    runner = await startRunner({
      accounts: config.accounts,
      defaultAccount: config.defaultAccount,
      responder: echoResponder,
      stateDir: folder,
      log: silent,
      inspect: inspect ? { port: null } : undefined,
      onEvent(event) {
        if (event.event === 'live' && live.add(event.account).size === urls.length) resolve()
      },
    })
    await promise
    return performance.now() - beganAt
  },
  inspectorUrl: (): string => runner?.inspector?.url ?? '',
  /** Milliseconds. */
  async stop(): Promise<number> {
    const beganAt = performance.now()
    await runner?.stop()
    runner = null
    return performance.now() - beganAt
  },
  /** CPU time since the process began; memory after a collection when asked for. */
  usage(collect = false): Usage {
    if (collect) settled()
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed } = process.memoryUsage()
    return { cpuMs: (user + system) / 1000, rssBytes: rss, heapBytes: heapUsed }
  },
  /** State of an earlier life: `chats` conversations with an answered message each, folded, or a journal of so many records. */
  async remember(folder: string, { chats, records = 0 }: { chats: number; records?: number }): Promise<void> {
    const store = await openAccountStore({ root: folder, account: 'bot0' })
    await (records > 0 ? writeJournal(store, chats, records) : writeSnapshots(store, chats))
  },
}

serve(handlers)
