/** The operator's gateway methods by name, and the right that each needs. Pairing codes are approved in the gateway's own store. */
import type { ControlRequest } from '../runner/control/protocol.ts'
import { CHANNEL_ID } from './names.ts'

export const OPERATOR_METHODS = {
  status: 'operator.read',
  'pairing.list': 'operator.read',
  'deadletter.list': 'operator.read',
  explain: 'operator.read',
  'deadletter.retry': 'operator.write',
  'deadletter.drop': 'operator.write',
} as const satisfies Partial<Record<ControlRequest['do'], 'operator.read' | 'operator.write'>>

export type OperatorRequest = keyof typeof OPERATOR_METHODS
export const methodOf = (request: OperatorRequest): string => `${CHANNEL_ID}.${request}`

export const CLI_COMMAND = {
  name: CHANNEL_ID,
  description: 'ZTM Chat accounts of the running gateway: status, explanations, pairing requests, dead letters',
  hasSubcommands: true,
}
