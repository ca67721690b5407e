/**
 * What was there before the bot: it is remembered, and not answered. The chat app dates messages by their senders' clocks alone, and shows
 * all of a chat at the first look; files are dated by the hub as well.
 */
export type Beginnings = {
  readonly isGroup: boolean
  /** Of a group: when it was met; else when the account began. Wall clock ms; null: just now. */
  readonly openedAtMs: number | null
  /** The chat app has shown the chat before. */
  readonly shown: boolean
  /** The very first start, and a while after it. */
  readonly isFirstLoad: boolean
  /** Hub time from which, and up to which, the file index has been read; null when it has not. */
  readonly indexBeginMs: number | null
  readonly indexedMs: number | null
  readonly firstSyncMs: number
  readonly nowMs: number
}

export type Arrival = {
  /** The sender's clock. */
  readonly timeMs: number
  /** When the hub learnt of it, by its clock; null when that is not known. */
  readonly arrivedMs: number | null
}

/** From here on a message is no history, however late it comes. */
const freshFromMs = ({ openedAtMs, firstSyncMs, nowMs }: Beginnings): number => Math.min(nowMs, openedAtMs ?? nowMs) - firstSyncMs

/** It was there when the account, or the group, was read for the first time. */
export function wasThere(beginnings: Beginnings, arrivedMs: number | null): boolean {
  const { isGroup, shown, isFirstLoad, indexBeginMs, indexedMs, firstSyncMs } = beginnings
  // A group may have been there long before we came into it.
  if (arrivedMs === null) return !shown && (isGroup || isFirstLoad)
  // Our clock may have been ahead when the group was met. The hub is where its index was read to, or further.
  const oldHubMs = Math.min(freshFromMs(beginnings), (indexedMs ?? Number.POSITIVE_INFINITY) - firstSyncMs)
  return (isGroup && arrivedMs < oldHubMs) || (indexBeginMs !== null && arrivedMs <= indexBeginMs)
}

export const isHistory = (beginnings: Beginnings, { timeMs, arrivedMs }: Arrival): boolean =>
  timeMs >= 0 && timeMs < freshFromMs(beginnings) && wasThere(beginnings, arrivedMs)

/** Of what the chat app shows: where there is a file index, the hub's dates tell what of a group is history, and not its members' clocks. */
export const waitsForFiles = (beginnings: Beginnings, { timeMs }: Pick<Arrival, 'timeMs'>): boolean =>
  beginnings.isGroup && !beginnings.shown && beginnings.indexBeginMs !== null && timeMs < freshFromMs(beginnings)
