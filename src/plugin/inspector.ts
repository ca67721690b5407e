/** The inspector inside the gateway: one page for all accounts of this process, open while one of them runs. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Observable, Subject, type Subscription } from 'rxjs'
import type { Commands } from '../inspector/commands.ts'
import { type Inspector, serveInspector } from '../inspector/server.ts'
import type { Log } from '../ports/log.ts'
import type { AccountHandle, RuntimeEvent } from '../runtime/runtime.ts'
import type { Section } from '../setup/section.ts'
import { CHANNEL_ID } from './names.ts'

/** Its address has the token in it: only this user may read it, and no log has it. */
const ADDRESS_FILE = 'inspector-url'

export type Entrant = {
  readonly handle: AccountHandle
  readonly events: Observable<RuntimeEvent>
  /** `channels.ztm-chat`, as it was checked. */
  readonly section: Section
  /** The plugin's state directory. */
  readonly folder: string
  readonly log: Log
}

export interface PluginInspector {
  /** Shows the account from now on, where the config asks for it. Resolves to what takes it off again; the last one closes the page. */
  enter(entrant: Entrant): Promise<() => Promise<void>>
}

export function createPluginInspector(version: string): PluginInspector {
  const shown = new Map<AccountHandle, Subscription>()
  const events = new Subject<RuntimeEvent>()
  /** What opens and closes the page goes one after the other. */
  let turn: Promise<unknown> = Promise.resolve()
  let inspector: Inspector | null = null
  /** The option it was opened for. */
  let portAsked: number | undefined
  /** A change of its config restarts an account, and the last one closes the page: whoever looks finds it again where it was. */
  let before: Pick<Inspector, 'port' | 'token'> | null = null

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }
  const serve = (port: number | undefined, token: string | undefined) =>
    serveInspector({
      runtime: { accounts: () => [...shown.keys()], events },
      version,
      port,
      token,
      commands: commandsOn(shown),
    })
  const open = async (port: number | undefined, folder: string, log: Log) => {
    if (inspector && port === portAsked) return
    // At a change of the port the first account is back before the last one has gone.
    await close(folder)
    portAsked = port
    const file = join(folder, ADDRESS_FILE)
    try {
      // Only a port that was asked for has to be that one.
      const again = !port && before ? await serve(before.port, before.token).catch(() => null) : null
      inspector = again ?? (await serve(port, before?.token))
      before = inspector
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await rm(file, { force: true })
      await writeFile(file, `${inspector.url}\n`, { mode: 0o600 })
      log.info({ file, port: inspector.port }, 'the inspector page is open; this file has its address')
    } catch (err) {
      log.warn({ err, port }, 'the inspector page cannot be opened; choose another inspector.port, or leave it out to get a free one')
    }
  }
  const close = async (folder: string) => {
    const closing = inspector
    inspector = null
    await closing?.close()
    const file = join(folder, ADDRESS_FILE)
    // Another load of this plugin may have written its own meanwhile.
    if (closing && (await readFile(file, 'utf8').catch(() => '')).trim() === closing.url) await rm(file, { force: true })
  }

  return {
    async enter({ handle, events: own, section, folder, log }) {
      const { inspector: option } = section
      const { enabled = false, port } =
        typeof option === 'object' && option !== null ? (option as { enabled?: boolean; port?: number }) : {}
      if (!enabled) {
        // Turned on again, it has another token: whoever knows this one is to be out.
        await inTurn(async () => {
          before = null
        })
        return async () => {}
      }
      shown.set(
        handle,
        own.subscribe(event => events.next(event)),
      )
      await inTurn(() => open(port, folder, log))
      return () =>
        inTurn(async () => {
          shown.get(handle)?.unsubscribe()
          shown.delete(handle)
          if (shown.size === 0) await close(folder)
        })
    },
  }
}

function commandsOn(shown: ReadonlyMap<AccountHandle, unknown>): Commands {
  const settle = async (account: string, id: string, how: 'retryDeadLetter' | 'dropDeadLetter', said: string): Promise<string> => {
    const handle = [...shown.keys()].find(one => one.id === account)
    if (!(await handle?.[how](id))) throw new Error('There is no such dead letter any more.')
    return said
  }
  return {
    pairing: { command: `openclaw pairing approve ${CHANNEL_ID}` },
    retry: (account, id) => settle(account, id, 'retryDeadLetter', 'It is tried again now.'),
    drop: (account, id) => settle(account, id, 'dropDeadLetter', 'It is dropped.'),
  }
}
