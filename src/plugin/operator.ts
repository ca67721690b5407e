/** The operator's side of our own state: the requests of the runner's control socket, on the accounts that run here. */

import { requestSchema } from '../runner/control/protocol.ts'
import { controlOf } from '../runner/control/service.ts'
import type { GatewayMethodHandler } from './host.ts'
import type { OperatorRequest } from './operator-methods.ts'
import type { RunningAccounts } from './running.ts'

export function operatorHandler(request: OperatorRequest, running: Pick<RunningAccounts, 'get' | 'all'>): GatewayMethodHandler {
  const control = controlOf(
    // One that cannot be opened is told by the gateway's own status.
    { accounts: () => running.all().map(entry => entry.handle), account: id => running.get(id)?.handle, unopened: () => [] },
    // Nothing here is sent in an account's name.
    '',
  )
  return async ({ params, respond }) => {
    try {
      const account = typeof params.account === 'string' ? params.account : null
      respond(true, { result: await control(requestSchema.parse({ ...params, do: request, account })) })
    } catch (error) {
      respond(false, undefined, { code: 'INVALID_REQUEST', message: error instanceof Error ? error.message : String(error) })
    }
  }
}
