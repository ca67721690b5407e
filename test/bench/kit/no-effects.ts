import type { Effects } from '../../../src/runtime/effects.ts'

const nothing = () => {}

/** For charts that are only to remember. */
export const noEffects: Effects = {
  commit: nothing,
  dispatch: nothing,
  startDispatchBackoff: nothing,
  openPairing: nothing,
  requestSlot: nothing,
  releaseSlot: nothing,
  post: nothing,
  startPostBackoff: nothing,
  startLag: nothing,
  startLook: nothing,
  look: nothing,
  checkLedger: nothing,
  requestTicket: nothing,
  startPairingBackoff: nothing,
  startDeadline: nothing,
}
