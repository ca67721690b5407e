import { systemClock } from '../../adapters/clock/system-clock.ts'
import { createUndiciTransport } from '../../adapters/ztm/undici-transport.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { atRestOf } from '../at-rest.ts'
import { clusterSecret } from '../cluster-options.ts'
import { fleetOf } from '../control/ask.ts'
import type { Fleet } from '../control/fleet.ts'
import { metricsTokenOf, startInspector } from '../inspect.ts'
import { print, printJson } from '../output.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type InspectFleetOptions = {
  readonly config: string
  readonly account?: string
  readonly admin?: string
  readonly ingress?: string
  readonly port?: number
  readonly json: boolean
}

const SEEN =
  'a fleet, looked at every second: events are what was seen between two looks, figures count from when this was started, and of many chats the newest are shown'

/** The inspector page of a fleet, until it is told to stop. Any number of them may look at one fleet. */
export async function inspectFleet({ port, json, ...options }: InspectFleetOptions): Promise<number> {
  const place = fleetOf(options)
  if (place === null)
    throw new UsageError(
      'It is a fleet that this shows: name both interfaces of its Restate, --admin and --ingress. A bot alone is shown by "ztm-chat run --inspect".',
    )
  const secret = clusterSecret(process.env)
  const metricsToken = metricsTokenOf(process.env)
  const { accounts, sender } = await atRestOf({ ...options, stateDir: '', json })
  const enabled = accounts.filter(account => account.enabled)
  if (enabled.length === 0) throw new UsageError(`${options.config} has no account that is enabled; set enabled: true.`)
  const stopped = untilStopped()
  const { withFleet } = await import('../control/fleet.ts')
  await withFleet({ ...place, secret, accounts, sender }, async control => {
    const looking = await lookAt(place, enabled, secret)
    try {
      const inspector = await startInspector(looking.watchable, control, { port: port ?? null, metricsToken })
      json ? printJson({ event: 'inspector', url: inspector.url }) : print(`Inspector: ${inspector.url}`)
      await stopped
      await inspector.close()
    } finally {
      await looking.close()
    }
  })
  return 0
}

async function lookAt({ admin, token }: Pick<Fleet, 'admin' | 'token'>, accounts: readonly AccountSettings[], secret: string) {
  const [{ openTables }, { createLooking }, { createFleetInspection }] = await Promise.all([
    import('../../cluster/tables.ts'),
    import('../../cluster/inspect/picture.ts'),
    import('../../cluster/inspect/fleet-inspection.ts'),
  ])
  const tables = openTables(admin, token)
  const transport = createUndiciTransport()
  const fleet = createFleetInspection({
    accounts: accounts.map(({ id }) => id),
    look: createLooking({ accounts, tables, transport, secret }),
    clock: systemClock,
  })
  await fleet.fresh()
  return {
    watchable: { events: fleet.events, accounts: fleet.accounts, fresh: fleet.fresh, seen: SEEN },
    async close() {
      fleet.close()
      await transport.close()
      await tables.close()
    },
  }
}
