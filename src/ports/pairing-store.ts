import type { UserName } from '../domain/ids.ts'

export type PairingTicket =
  | { readonly status: 'created' | 'pending'; readonly code: string; readonly expiresAtMs: number }
  /** No room for another pending request. */
  | { readonly status: 'full' }

/** A truth about pairing that lives outside the runtime (OpenClaw's store). Without one the runtime keeps its own. */
export interface PairingStore {
  /** Opens the user's request, or finds the one that is pending. */
  request(user: UserName): Promise<PairingTicket>
  /** Everybody approved at present. Approvals by other processes raise no event: this is asked again and again. */
  approved(): Promise<readonly UserName[]>
  /** What the stranger is told. */
  instructions(user: UserName, code: string): string
}
