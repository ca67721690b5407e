/** The inspector of a runner: what a person does at the page goes the way of the command line. */
import { StoreUnusable } from '../domain/errors.ts'
import type { Commands, People } from '../inspector/commands.ts'
import { type Inspector, serveInspector, type Watchable } from '../inspector/server.ts'
import { ControlRefused, type ControlRequest, type ControlResults } from './control/protocol.ts'
import { UsageError } from './usage-error.ts'
import { version } from './version.ts'

export type InspectOptions = {
  /** A free one when it is null. */
  readonly port: number | null
  /** Of those who collect metrics. */
  readonly metricsToken?: string | undefined
  readonly people?: People
  /** False: the page may only look. */
  readonly mayAct?: boolean
}

const METRICS_TOKEN_MIN = 16

/** `ZTM_CHAT_METRICS_TOKEN`, when it is set. @throws {UsageError} */
export function metricsTokenOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const token = env['ZTM_CHAT_METRICS_TOKEN'] || undefined
  if (token === undefined || token.length >= METRICS_TOKEN_MIN) return token
  throw new UsageError(
    `ZTM_CHAT_METRICS_TOKEN has ${token.length} characters; make one of ${METRICS_TOKEN_MIN} or more, such as with "openssl rand -hex 16".`,
  )
}

type Act = 'pairing.approve' | 'pairing.reject' | 'deadletter.retry' | 'deadletter.drop'
/** What a person may do at the page. */
type Acting = <Name extends Act>(request: Extract<ControlRequest, { do: Name }>) => Promise<Pick<ControlResults, Act>[Name]>

/** @throws {StoreUnusable} when the port is taken. */
export async function startInspector(
  runtime: Watchable,
  control: Acting,
  { port, metricsToken, people, mayAct = true }: InspectOptions,
): Promise<Inspector> {
  try {
    return await serveInspector({
      runtime,
      version: version(),
      port: port ?? 0,
      commands: mayAct ? commandsOf(control) : undefined,
      metricsToken,
      people,
    })
  } catch (cause) {
    throw new StoreUnusable(
      `The inspector cannot listen on port ${port ?? 0} (${cause instanceof Error ? cause.message : String(cause)}); choose another port, or leave it out to get a free one.`,
      true,
      { cause },
    )
  }
}

function commandsOf(control: Acting): Commands {
  const settle = async (what: 'retry' | 'drop', account: string, id: string): Promise<string> => {
    const settled =
      what === 'retry'
        ? await control({ do: 'deadletter.retry', account, ids: [id] })
        : await control({ do: 'deadletter.drop', account, ids: [id] })
    if (settled.length === 0) throw new ControlRefused('There is no such dead letter any more.')
    return what === 'retry' ? 'It is tried again now.' : 'It is dropped.'
  }
  return {
    pairing: {
      async approve(account, code) {
        const { user } = await control({ do: 'pairing.approve', account, code })
        return `${user} is approved; what they wrote is answered now.`
      },
      async reject(account, code) {
        const { user } = await control({ do: 'pairing.reject', account, code })
        return `${user} is rejected; what they wrote stays unanswered.`
      },
    },
    retry: (account, id) => settle('retry', account, id),
    drop: (account, id) => settle('drop', account, id),
  }
}
