import { systemClock } from '../../adapters/clock/system-clock.ts'
import { clusterSecret, engineKeys, engineToken, engineUrl, listening, loadingTheSdk, placeOf, reachedAt } from '../cluster-options.ts'
import { loadConfigFile } from '../config-file.ts'
import { openLog } from '../open-log.ts'
import { print, printJson, warn } from '../output.ts'
import { chooseResponder } from '../responders/choose.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type ServeOptions = {
  readonly config: string
  readonly engine: 'restate'
  readonly responder: string
  readonly model?: string
  readonly system?: string
  readonly listen: string
  readonly reusePort: boolean
  readonly admin?: string
  /** What the engine is told in place of `listen`. */
  readonly advertise?: string
  readonly json: boolean
}

/** What is under way may take so long to end; then another process carries it out. */
const GRACE_MS = 25_000

/** The charts of a fleet, until it is told to stop. */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, responder, model, system, listen, reusePort, admin, advertise, json } = options
  const secret = clusterSecret(process.env)
  const [token, keys] = [engineToken(process.env), engineKeys(process.env)]
  const place = placeOf('--listen', listen)
  const adminUrl = admin === undefined ? null : engineUrl('--admin', admin)
  const address = reachedAt(place.host, advertise, adminUrl !== null)
  const chosen = chooseResponder(responder, { ...(model !== undefined && { model }), ...(system !== undefined && { system }) })
  const { accounts, warnings } = await loadConfigFile(config)
  for (const warning of warnings) warn(warning)
  if (!accounts.some(account => account.enabled)) throw new UsageError(`${config} has no account that is enabled; set enabled: true.`)
  const { register, startService } = await loadingTheSdk(() => import('../../cluster/service/start-service.ts'))

  const stopped = untilStopped(() => chosen.abandon())
  const log = openLog()
  const service = await listening(place, () =>
    startService({ accounts, responder: chosen.responder, ...place, reusePort, secret, engineKeys: keys, clock: systemClock, log }),
  )
  try {
    const url = `http://${address(service.port)}`
    if (adminUrl !== null) await register(adminUrl, url, token)
    const event = { event: 'serving', url, registered: adminUrl !== null }
    json
      ? printJson(event)
      : print(`Serving the charts at ${url}${adminUrl === null ? '; tell Restate of it' : `, which ${adminUrl} knows`}.`)
    await stopped
  } finally {
    await service.stop(GRACE_MS)
    await chosen.close()
  }
  return 0
}
