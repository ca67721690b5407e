/** Everything that can grow or take long, with its bound. All are configurable under `limits`; times are ms. */
export const LIMITS = {
  /** Messages at the responder at once, per account. */
  dispatches: 8,
  /** A dispatch that is neither adopted nor answered by then has failed. */
  dispatchTimeoutMs: 10 * 60_000,
  /** Attempts of one dispatch, the first included; then it is a dead letter. */
  dispatchAttempts: 3,
  /** Backoff of a failed dispatch: full jitter, doubling from the first to the second. */
  dispatchBackoffMs: 1_000,
  dispatchBackoffMsMax: 30_000,
  /** Fetches of one account under way at once. */
  fetches: 8,
  /** Committed messages of one chat that wait for their dispatch; beyond it the rest stays unread on the mesh. */
  queuedPerChat: 200,
  /** Messages of one sender that are dispatched in a minute; 0 = as they come. */
  messagesPerSenderMinute: 0,
  /** With such a rate: committed messages of one sender that wait; beyond it the rest stays unread on the mesh. */
  queuedPerSender: 200,
  /** Conversations that are remembered; beyond it those that never had an accepted message are forgotten first. */
  chats: 100_000,
  /** Characters of a message's text; the rest is cut and marked. 64 KiB. */
  textCharacters: 65_536,
  /** Group messages without a mention, kept for the next one that has it: characters of one group, names included. The oldest go. */
  unmentionedCharacters: 20_000,
  /** Characters of one part of a reply. */
  partCharacters: 4_000,
  /** How far behind a sender's own progress, or ours, an unknown message still counts as new. */
  ageFenceMs: 24 * 3_600_000,
  /** Ids remembered per chat and sender above the floor. About 0.5 MB. */
  seenPerSender: 10_000,
  /** Ids of messages dated in the future, per chat and sender. */
  futurePerSender: 100,
  /** Reconnecting to the agent: full jitter, doubling from the first to the second. */
  reconnectMs: 500,
  reconnectMsMax: 30_000,
  /** Looking again after a problem that somebody has to mend (config, permit, 401/403). */
  blockedRetryMs: 5 * 60_000,
  /** Poll interval when nothing changes. `pollInterval` is the lively one. */
  quietPollMs: 5_000,
  /** Comparing every recently active chat with its cursor, whatever `/chats` hints. */
  fullCheckMs: 30_000,
  /** Reading a recently active chat over the whole fence, for senders whose clock is behind. */
  fenceReadMs: 3 * 60_000,
  /** A request that waits for changes of the file index is given up after this. */
  indexWaitMs: 20_000,
  /** Two of them are begun at least this far apart: each is blind for its first half second. */
  indexWaitGapMs: 600,
  /** Changes can become visible late: how far back the index is read again. */
  lookBackMs: 15_000,
  /** When it is read again after a change, and in quiet. */
  lookAgainMs: 5_000,
  quietLookMs: 60_000,
  /** Comparing the whole file index. */
  fullLookMs: 10 * 60_000,
  /** How often the place in the file index is written down. */
  indexedMs: 10_000,
  /** Self-heal: at most once in this time, longer when it did not help; posts under way are waited for; looks at the agent's own state. */
  healRestMs: 10 * 60_000,
  quiesceMs: 60_000,
  healthLookMs: 5 * 60_000,
  /** An agent without a file index is asked for it again after this. */
  pushRetryMs: 10 * 60_000,
  /** A message file that cannot be read is tried again at once for this long, then every few minutes. */
  fileRetryMs: 2 * 60_000,
  /** Message files that could not be read so far, remembered over a restart. */
  unreadFiles: 1_000,
  /** How long a group message from an unknown sender waits for the member list. */
  membershipHoldMs: 10 * 60_000,
  /** A member list this young answers for known members without another look. */
  membershipFreshMs: 60_000,
  /** Unconfirmed posts of one account at once. */
  unconfirmedPosts: 16,
  /** The next part of a reply is posted after this even when the confirmation of the one before lags. */
  confirmationLagMs: 5_000,
  /** Looks for a reply on the mesh: first, and doubling up to the second. */
  confirmationLookMs: 250,
  confirmationLookMsMax: 15_000,
  /** Our only unconfirmed post, absent from our own files: taken for lost after this ... */
  lostPostMs: 60_000,
  /** ... or after this when the agent never said 201. */
  lostUnansweredPostMs: 15_000,
  /** A reply without evidence either way is posted again after this. */
  uncertainRepostMs: 15 * 60_000,
  /** Backoff of posting while the agent is away. */
  postBackoffMs: 500,
  postBackoffMsMax: 30_000,
  /** Pairing: codes live, pending at once, one reminder per, messages kept per user, looking at an outside store. */
  pairingCodeMs: 3_600_000,
  pairingPending: 3,
  pairingReminderMs: 10 * 60_000,
  pairingHeld: 5,
  pairingLookMs: 2_000,
  /** Two bots: strict alternations, each answered within, then ignored for. */
  loopAlternations: 20,
  loopAnswerMs: 5_000,
  loopHoldMs: 60_000,
  /** Decisions kept per chat for explain. */
  decisionsPerChat: 50,
  /** A stop waits this long for running dispatches. */
  stopGraceMs: 10_000,
  /** Answers of the agent: lists, and one chat or message file. */
  listBytes: 64 * 1_048_576,
  /** The list of files is read as it comes in: two million files. */
  indexBytes: 512 * 1_048_576,
  fileBytes: 8 * 1_048_576,
  /** Journal that a start would replay before it is folded; at least as much as the snapshot has. */
  journalBytes: 8 * 1_048_576,
  /** Of the folded journal so much stays readable for explain and replay. */
  historyMs: 7 * 24 * 3_600_000,
  historyBytes: 64 * 1_048_576,
} as const

export type Limits = { readonly [Name in keyof typeof LIMITS]: number }
