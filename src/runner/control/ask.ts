/** Who carries out what a command asks of a bot: the runner of its state directory, its state while none runs, or its fleet. */
import { atRestOf, type StateOptions } from '../at-rest.ts'
import { engineToken, engineUrl, secretIfAny } from '../cluster-options.ts'
import { UsageError } from '../usage-error.ts'
import { askRunner } from './client.ts'
import type { Fleet } from './fleet.ts'
import { controlAtRest } from './offline.ts'
import { type BotRequest, type BotResults, ControlRefused, type ControlRequest, type ControlResults, IDS_MAX } from './protocol.ts'

export type BotOptions = StateOptions & FleetOptions
/** Interfaces of Restate. With them it is a fleet that is asked. */
export type FleetOptions = { readonly admin?: string; readonly ingress?: string }

/** `isRunning`: what was asked for is carried out now, and not at the next start. */
export type Answer<Name extends BotRequest['do']> = { readonly result: BotResults[Name]; readonly isRunning: boolean }

/** @throws {ControlRefused | ZtmChatError} with one sentence. */
export async function ask<Name extends BotRequest['do']>(
  options: BotOptions,
  request: Extract<BotRequest, { do: Name }>,
): Promise<Answer<Name>> {
  const fleet = fleetOf(options)
  if (fleet !== null) {
    const [{ withFleet }, { accounts, sender }] = [await import('./fleet.ts'), await atRestOf(options)]
    return {
      result: await withFleet({ ...fleet, secret: secretIfAny(process.env), accounts, sender }, control => control(request)),
      isRunning: true,
    }
  }
  const running = await askInParts(options.stateDir, request)
  if (running !== null) return { result: running as BotResults[Name], isRunning: true }
  return { result: await controlAtRest(await atRestOf(options))(request), isRunning: false }
}

/** Null: none is named. @throws {UsageError} */
export function fleetOf({ admin, ingress }: FleetOptions): Pick<Fleet, 'admin' | 'ingress' | 'token'> | null {
  if (admin === undefined && ingress === undefined) return null
  if (admin === undefined || ingress === undefined) {
    const [given, missing] = admin === undefined ? ['--ingress', '--admin'] : ['--admin', '--ingress']
    throw new UsageError(`There is ${given} without ${missing}; a fleet is reached by both interfaces of Restate.`)
  }
  return { admin: engineUrl('--admin', admin), ingress: engineUrl('--ingress', ingress), token: engineToken(process.env) }
}

/** What is too much for one request goes in several. Null: nobody runs. */
async function askInParts(stateDir: string, request: BotRequest): Promise<ControlResults[ControlRequest['do']] | null> {
  if (!('ids' in request) || request.ids.length <= IDS_MAX) return askRunner(stateDir, request)
  const done: unknown[] = []
  for (let at = 0; at < request.ids.length; at += IDS_MAX) {
    const some = await askRunner(stateDir, { ...request, ids: request.ids.slice(at, at + IDS_MAX) })
    if (some === null && at > 0)
      throw new ControlRefused(`The runner ended after ${done.length} of ${request.ids.length} dead letters; do the same again.`)
    if (some === null) return null
    done.push(...(some as readonly unknown[]))
  }
  return done as unknown as ControlResults['deadletter.retry']
}
