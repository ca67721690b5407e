/** Least and largest value, both possible; ms where the name says so. */
export type Range = readonly [min: number, max: number]

/**
 * How the simulated mesh behaves. The defaults (`REAL`) are what a mesh of ZTM v2.0.0 was seen to do;
 * every oddity can be switched off alone. What each name means when it is off stands in the comment.
 */
export type Quirks = {
  // Delays.
  /** The first request to the chat app starts it, and is answered this much later. */
  appStartMs: Range
  /** An agent tells the hub about changed files at most this often. */
  announceEveryMs: number
  /** From the agent to the hub. */
  tripMs: Range
  /** Reading and writing the file of one posted message; posts of one agent are written one after the other. */
  publishMs: Range
  /** Downloading one file from another agent. */
  fetchMs: Range
  /** `files?since=` answers this late, and a waiting request is blind that long. */
  settleMs: number
  /** From start or join to the connection with the hub. */
  connectMs: Range
  /** From the return of the hub to the connection of an agent that had noticed its absence. */
  reconnectMs: Range
  /** An agent takes itself for connected this long after the hub died. */
  lossNoticedMs: Range
  /** The chat app tries again this long after a wait for changes failed. */
  watchRetryMs: number
  /** The rights to a conversation reach the hub this long after its file list. */
  rightsDelayMs: Range
  /** An agent that has just started is no source of files for this long. */
  coldStartMs: Range
  /** An endpoint that is silent for longer leaves the lists. */
  silentEndpointMs: number
  /** List calls of an agent with a broken hub connection get no answer for this long after the break. */
  brokenHangMs: number
  /** Work of the hub for each pair (file in the mesh, file of the announcing agent). A real hub needs about 19; 0 keeps long runs fast. */
  hubMicrosPerFilePair: number
  /** Age of the certificates: an agent whose clock is further behind than that never connects. */
  certificateAgeMs: number
  /** Long-polls are answered with `{}` after this; null = never, as in a real agent. */
  waitTimeoutMs: number | null

  // The mesh loses or delays.
  /** A waiting `files` request misses changes of its first half second, and of a file that changes again while it settles. Off: it sees them. */
  blindHalfSecond: boolean
  /** The rights arrive after the file list, and wake nobody. Off: they arrive first. */
  rightsArriveLate: boolean
  /** The agent of a sender that has just started cannot be downloaded from. Off: it can. */
  coldSourceUnknown: boolean
  /** A writer knows its files only as far as the hub has heard of them: bursts share names and replace each other. Off: it knows its own. */
  burstsOverwrite: boolean
  /** The chat app's watch dies when the agent is not connected at its second try. Off: it goes on trying. */
  freezesAfterOutage: boolean
  /** A write that finds no hub leaves the queue marked as busy for good. Off: the queue goes on when the hub is back. */
  queueStaysBusy: boolean
  /** The hub refuses a version whose time is not larger (a fast clock put right). Off: the newest announcement counts. */
  olderTimeRefused: boolean
  /** The chat app starts to watch at the time of its own clock: with a fast clock it sees nothing new. Off: hub time. */
  watchStartsAtOwnClock: boolean
  /** After a restart of the hub deleted files are listed under a new `since`. Off: they are not. */
  tombstonesReturn: boolean
  /** A NUL in a peer name breaks the sender's hub connection. Off: it is only a name. */
  nulBreaksHub: boolean
  /** A garbage key in a permit request breaks the hub connection of root's agent. Off: 403 and no more. */
  garbageKeyBreaksHub: boolean

  // The chat app.
  /** Chance, 0 to 1, that the chat app never shows a message of somebody else or of its own, though its file has it. */
  appDrops: number
  /** How long the chat app stands still, at one look in ten, before it reads what has changed. */
  appStallMs: Range
  /** A second message with the same time and sender is dropped from the chat app (never from the file). Off: both are shown. */
  sameMsMerged: boolean
  /** Control characters make a message file unreadable. Off: they are escaped. */
  controlCharactersPoison: boolean
  /** A lone surrogate becomes `?` and swallows its neighbour. Off: it is kept. */
  loneSurrogatesSwallow: boolean
  /** The own list shows a post only after its round trip through the hub. Off: as soon as it is written. */
  ownPostsLate: boolean
  /** Any GET of the messages sets `updated` to 0. Off: it only grows. */
  getResetsUpdated: boolean
  /** What is read at the start of the app counts as old. Off: it counts in `updated`. */
  startForgetsUpdated: boolean
  /** `since` and `before` include their own millisecond. Off: they do not. */
  inclusiveBounds: boolean
  /** An empty, zero or unreadable `since` or `before` is ignored, and of two the first counts. Off: 400. */
  oddBoundsIgnored: boolean
  /** `limit` does nothing. Off: the newest that many. */
  limitIgnored: boolean

  // The HTTP layer.
  /** Literal pieces of a path match in any letter case behind `/api/`. Off: exactly. */
  literalCaseIgnored: boolean
  /** One trailing slash is tolerated (not in front of a query). Off: it is not. */
  trailingSlashTolerated: boolean
  /** Escapes of letters, digits and plain punctuation stay as they are written. Off: they are decoded. */
  overEncodingKept: boolean
  /** `files` answers 200 with an empty body when the hub is lost. Off: 500. */
  emptyBodyWithoutHub: boolean
  /** Names are put into file paths as they are: `/`, `..`, `#`, `?` lead astray. Off: they are escaped first. */
  namesArePaths: boolean
}

/** One machine, loopback; from the measurements of a real mesh. */
export const REAL: Quirks = {
  appStartMs: [1_000, 1_020],
  announceEveryMs: 1_000,
  tripMs: [20, 150],
  publishMs: [0, 3],
  fetchMs: [20, 120],
  settleMs: 500,
  connectMs: [10, 60],
  reconnectMs: [2_700, 8_700],
  lossNoticedMs: [3_500, 3_500],
  watchRetryMs: 10_000,
  rightsDelayMs: [50, 900],
  coldStartMs: [5_000, 15_000],
  silentEndpointMs: 120_000,
  brokenHangMs: 120_000,
  hubMicrosPerFilePair: 0,
  certificateAgeMs: 30 * 24 * 3_600_000,
  waitTimeoutMs: null,
  blindHalfSecond: true,
  rightsArriveLate: true,
  coldSourceUnknown: true,
  burstsOverwrite: true,
  freezesAfterOutage: true,
  queueStaysBusy: true,
  olderTimeRefused: true,
  watchStartsAtOwnClock: true,
  tombstonesReturn: true,
  nulBreaksHub: true,
  garbageKeyBreaksHub: true,
  appDrops: 0,
  appStallMs: [0, 0],
  sameMsMerged: true,
  controlCharactersPoison: true,
  loneSurrogatesSwallow: true,
  ownPostsLate: true,
  getResetsUpdated: true,
  startForgetsUpdated: true,
  inclusiveBounds: true,
  oddBoundsIgnored: true,
  limitIgnored: true,
  literalCaseIgnored: true,
  trailingSlashTolerated: true,
  overEncodingKept: true,
  emptyBodyWithoutHub: true,
  namesArePaths: true,
}

/** Short delays, nothing lost: for demos and for tests that are about something else. The HTTP layer stays as it really is. */
export const CALM: Quirks = {
  ...REAL,
  appStartMs: [1, 2],
  announceEveryMs: 4,
  tripMs: [1, 3],
  publishMs: [0, 1],
  fetchMs: [1, 3],
  settleMs: 4,
  connectMs: [1, 5],
  reconnectMs: [5, 20],
  lossNoticedMs: [20, 20],
  watchRetryMs: 250,
  rightsDelayMs: [0, 0],
  coldStartMs: [0, 0],
  brokenHangMs: 2_000,
  blindHalfSecond: false,
  rightsArriveLate: false,
  coldSourceUnknown: false,
  burstsOverwrite: false,
  freezesAfterOutage: false,
  queueStaysBusy: false,
  olderTimeRefused: false,
  watchStartsAtOwnClock: false,
  tombstonesReturn: false,
  nulBreaksHub: false,
  garbageKeyBreaksHub: false,
  sameMsMerged: false,
  controlCharactersPoison: false,
  loneSurrogatesSwallow: false,
}
