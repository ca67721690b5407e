import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { clusterSecret, engineToken, engineUrl, listening, loadingTheSdk, placeOf, reachedAt } from '../cluster-options.ts'
import { loadConfigFile } from '../config-file.ts'
import { eventLine } from '../event-line.ts'
import { openLog } from '../open-log.ts'
import { print, printJson, warn } from '../output.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type FeedOptions = {
  readonly config: string
  readonly ingress: string
  readonly listen: string
  /** What services are told in place of `listen`. */
  readonly advertise?: string
  readonly json: boolean
}

/** Reads the meshes of a fleet's accounts, as many as fall to it, and posts for them, until it is told to stop. */
export async function feed({ config, ingress, listen, advertise, json }: FeedOptions): Promise<number> {
  const secret = clusterSecret(process.env)
  const token = engineToken(process.env)
  const place = placeOf('--listen', listen)
  const address = reachedAt(place.host, advertise)
  const ingressUrl = engineUrl('--ingress', ingress)
  const { accounts, warnings } = await loadConfigFile(config)
  for (const warning of warnings) warn(warning)
  if (!accounts.some(account => account.enabled)) throw new UsageError(`${config} has no account that is enabled; set enabled: true.`)
  const stopped = untilStopped()
  const { startFeeder } = await loadingTheSdk(() => import('../../cluster/feeder/start-feeder.ts'))
  const tell = (event: RuntimeEvent) => {
    if (json) return printJson(event)
    const line = eventLine(event, { config })
    if (line !== null) print(line)
  }
  const feeder = await listening(place, () =>
    startFeeder({ accounts, ingress: ingressUrl, engineToken: token, ...place, address, secret, log: openLog(), onEvent: tell }),
  )
  json ? printJson({ event: 'feeding', address: feeder.address }) : print(`Feeding from ${feeder.address}.`)
  await stopped
  await feeder.stop()
  return 0
}
