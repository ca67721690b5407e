/** Each entry breaks one guarantee by one edit of the source. A test must notice, or the guarantee is only hoped for. */

export type Mutant = {
  /** What is broken, in a few words. */
  readonly name: string
  /** From the root of the project. */
  readonly file: string
  /** Stands there exactly once. */
  readonly from: string
  readonly to: string
  /** Test files that are to notice. */
  readonly tests: readonly string[]
}

const JOURNAL = 'src/adapters/store/journal.ts'
const LOAD = 'src/adapters/store/load.ts'
const OUTBOX = 'machines/outbox.ts'
const CHAT = 'machines/chat.ts'
const REGISTRY = 'src/runtime/registry.ts'
const INTAKE = 'src/runtime/intake.ts'
const POSTER = 'src/runtime/poster.ts'
const CURSOR = 'src/domain/cursor.ts'
const POLICY = 'src/domain/policy.ts'
const GUARD = 'src/inspector/guard.ts'

export const MUTANTS: readonly Mutant[] = [
  // What is durable.
  {
    name: 'a record counts before its sync',
    file: JOURNAL,
    from: '    await live.file.sync()\n',
    to: '',
    tests: ['test/adapters/store/store-model.test.ts'],
  },
  {
    name: 'a failed sync counts as a good one',
    file: JOURNAL,
    from: 'await live.file.sync()',
    to: 'await live.file.sync().catch(() => {})',
    tests: ['test/adapters/store/store-faults.test.ts'],
  },
  {
    name: 'a segment whose sync failed is used again',
    file: JOURNAL,
    from: '        await abandon()\n',
    to: '',
    tests: ['test/adapters/store/store-faults.test.ts'],
  },
  {
    name: 'the folder of a new segment is not synced',
    file: JOURNAL,
    from: '    if (isNew) await syncFolder()\n',
    to: '',
    tests: ['test/adapters/store/store-model.test.ts'],
  },
  {
    name: 'a new segment is kept whose name another sync has lost',
    file: JOURNAL,
    from: '    if (isNew && live.failedBefore < folderFailures) throw new LostName()\n',
    to: '',
    tests: ['test/adapters/store/store-faults.test.ts'],
  },
  {
    name: 'a start believes what a failed sync has left in doubt',
    file: LOAD,
    from: '  await renewDoubtful(disk)\n',
    to: '',
    tests: ['test/adapters/store/store-faults.test.ts'],
  },
  {
    name: 'a dead letter stays one when its reply is made again',
    file: 'src/runtime/entries.ts',
    from: '      unbury(\n        entry,\n        event.replies.map(({ key }) => key),\n      )\n',
    to: '',
    tests: ['test/runtime/dead-letters.test.ts'],
  },
  {
    name: 'what waits overtakes what an agent that was away may have forgotten',
    file: OUTBOX,
    from: "      actions: ['forgetLag', { type: 'stopLag', params: ({ context }) => ({ chat: context.chat }) }],",
    to: '      actions: [],',
    tests: ['test/machines/outbox.test.ts'],
  },
  {
    name: 'posts of an earlier process wait for each other',
    file: POSTER,
    from: 'return own && all.every(post => isOld(post) && !isBefore(post, own)) ? 0 : all.length - 1',
    to: 'return all.length - 1',
    tests: ['test/runtime/crash-points.test.ts'],
  },
  {
    name: 'a fold drops a segment that is still needed',
    file: JOURNAL,
    from: 'segment !== live?.segment && segment.lastSeq <= seq',
    to: 'segment !== live?.segment',
    tests: ['test/adapters/store/store-fold-race.test.ts', 'test/adapters/store/store.test.ts'],
  },
  {
    name: 'a snapshot is seen before its records are durable',
    file: 'src/adapters/store/shard-file.ts',
    from: '        await untilDurable(data.seq)\n',
    to: '',
    tests: ['test/adapters/store/store-model.test.ts', 'test/adapters/store/store.test.ts'],
  },
  {
    name: 'segments are dropped before the snapshots have their names',
    file: 'src/adapters/store/compaction.ts',
    from: '  await disk.syncFolder(SHARD_FOLDER)\n  await journal.dropUpTo(floor, keep)\n',
    to: '  await journal.dropUpTo(floor, keep)\n',
    tests: ['test/adapters/store/store-model.test.ts', 'test/adapters/store/store.test.ts'],
  },
  {
    name: 'a torn tail is not cut',
    file: LOAD,
    from: 'if (keepBytes < data.byteLength) await file.truncate(keepBytes)',
    to: '',
    tests: ['test/adapters/store/store.test.ts'],
  },
  {
    name: 'checksums are not compared',
    file: 'src/adapters/store/lines.ts',
    from: ' || crc32(json) !== Number.parseInt(prefix[2]!, 16)',
    to: '',
    tests: ['test/adapters/store/store.test.ts'],
  },
  {
    name: 'records of a write that failed come back',
    file: LOAD,
    from: 'if (file.content.header) voidAfter(file.content.header.after, file)',
    to: '',
    tests: ['test/adapters/store/store-faults.test.ts'],
  },
  {
    name: 'the lock is ignored',
    file: 'src/adapters/store/account-store.ts',
    from: 'const lease = await acquireLock(where)',
    to: 'const lease = (await acquireLock(where).catch(() => null)) ?? { release: async () => {} }',
    tests: ['test/adapters/store/account-store.test.ts'],
  },
  {
    name: 'an effect does not wait for its record',
    file: 'src/runtime/journal.ts',
    from: 'if (records.length > 0) await store.append(records)',
    to: 'if (records.length > 0) void store.append(records).catch(() => {})',
    tests: ['test/runtime/restart.test.ts', 'test/runtime/degraded.test.ts'],
  },
  // What a restart finds.
  {
    name: 'replay skips the record after the snapshot',
    file: REGISTRY,
    from: '?.seq ?? 0) >= record.seq) continue',
    to: '?.seq ?? 0) >= record.seq - 1) continue',
    tests: ['test/runtime/restart.test.ts', 'test/simulator/scenario.test.ts'],
  },
  {
    name: 'replay takes in again what the snapshot has',
    file: REGISTRY,
    from: 'if ((loaded.entries.get(raw.key)?.seq ?? 0) >= record.seq) continue',
    to: '',
    tests: ['test/runtime/registry.test.ts'],
  },
  {
    name: 'a restart does not go on with what was open',
    file: REGISTRY,
    from: "chatShelf.resume(chat, { type: 'host.resumed' })",
    to: '',
    tests: ['test/runtime/restart.test.ts'],
  },
  {
    name: 'the key of a reply changes with a restart',
    file: 'src/domain/ids.ts',
    from: 'part: number): ReplyKey => ',
    to: 'part: number): ReplyKey => Math.random() + ',
    tests: ['test/runtime/restart.test.ts'],
  },
  {
    name: 'an adopted message is dispatched again',
    file: CHAT,
    from: "on: { 'turn.adopted': overForMessage, 'turn.answered'",
    to: "on: { 'turn.answered'",
    tests: ['test/machines/chat.test.ts', 'test/runtime/outcomes.test.ts'],
  },
  {
    name: 'an approval is forgotten',
    file: REGISTRY,
    from: '        account.approved.add(event.user)\n',
    to: '',
    tests: ['test/runtime/pairing.test.ts'],
  },
  // What is posted.
  {
    name: 'the mesh is not asked before a reply is posted again',
    file: 'src/runtime/ledger.ts',
    from: 'return keys.filter(key => found.has(key))',
    to: 'return []',
    tests: ['test/runtime/delivery.test.ts'],
  },
  {
    name: 'what was queued before the start is posted without a look',
    file: OUTBOX,
    from: "            { guard: 'hasUnchecked', target: 'checking ledger' },\n",
    to: '',
    tests: ['test/runtime/queued-before.test.ts'],
  },
  {
    name: 'each look into our own files takes a listing of its own',
    file: 'src/runtime/ledger.ts',
    from: 'next ??= running.then',
    to: 'next = running.then',
    tests: ['test/runtime/queued-before.test.ts'],
  },
  {
    name: 'absence alone proves a post lost',
    file: 'src/domain/lost-post.ts',
    from: 'absence.otherUnconfirmed === 0 && isOverdue',
    to: 'isOverdue',
    tests: ['test/runtime/delivery.test.ts', 'test/machines/outbox.test.ts'],
  },
  {
    name: 'a post without an answer is made again without a look',
    file: POSTER,
    from: "tell(chat, { type: 'post.unknown', key, atMs: clock.monotonic() })",
    to: "tell(chat, { type: 'post.not-sent', key })",
    tests: ['test/runtime/delivery.test.ts'],
  },
  {
    name: 'a 201 is taken for a receipt',
    file: POSTER,
    from: "tell(chat, { type: 'post.accepted', key, atMs: clock.monotonic() })",
    to: "tell(chat, { type: 'reply.seen', keys: [key] })",
    tests: ['test/runtime/delivery.test.ts'],
  },
  {
    name: 'the newest reply goes first',
    file: OUTBOX,
    from: "context.posts.find(post => post.phase === 'queued' && !post.seen)",
    to: "context.posts.findLast(post => post.phase === 'queued' && !post.seen)",
    tests: ['test/runtime/order.test.ts'],
  },
  {
    name: 'a reply does not wait for the one before it',
    file: OUTBOX,
    from: "&& (context.lagging || !context.posts.some(post => post.phase === 'posted'))",
    to: '',
    tests: ['test/machines/outbox.test.ts'],
  },
  {
    name: 'what was sent under a key is sent again under it',
    file: 'src/runtime/entries.ts',
    from: 'entry.sentKeys = [...entry.sentKeys, ...event.keys].slice(-SENT_KEYS_MAX)',
    to: 'entry.sentKeys = []',
    tests: ['test/runtime/delivery.test.ts'],
  },
  {
    name: 'characters that destroy message files are posted',
    file: 'src/runtime/dispatcher.ts',
    from: "makeSafe(answer ?? '')",
    to: "(answer ?? '')",
    tests: ['test/runtime/answering.test.ts'],
  },
  // What is answered.
  {
    name: 'a dead letter that is tried twice at once is answered twice',
    file: CHAT,
    from: '(context.queue.includes(id) ? context.queue : context.queue.concat(id))',
    to: 'context.queue.concat(id)',
    tests: ['test/runtime/dead-letters.test.ts'],
  },
  {
    name: 'a result of an attempt that was given up counts',
    file: CHAT,
    from: 'result.id === context.queue[0] && result.attempt === context.attempt,',
    to: 'result.id === context.queue[0],',
    tests: ['test/machines/chat.test.ts'],
  },
  {
    name: 'the cursor forgets the ids of what it has seen',
    file: CURSOR,
    from: '      insert(sender.seen, [timeMs, id])\n',
    to: '',
    tests: ['test/domain/cursor.test.ts'],
  },
  {
    name: 'what is on its way to the journal is taken in again',
    file: INTAKE,
    from: "    if (inFlight.get(chat)?.has(id)) return 'known'\n",
    to: '',
    tests: ['test/runtime/answering.test.ts', 'test/runtime/push.test.ts'],
  },
  {
    name: 'newer files overtake an older one that cannot be read',
    file: 'src/runtime/feed/fetch.ts',
    from: "if (reason !== undefined && outcome.kind === 'read')",
    to: 'if (false)',
    tests: ['test/runtime/order.test.ts'],
  },
  {
    name: 'the chat app overtakes the files',
    file: 'src/runtime/feed/fetch.ts',
    from: 'if (shownFirst.delete(chat) || !hasFiles() ||',
    to: 'if (true ||',
    tests: ['test/runtime/order.test.ts'],
  },
  {
    name: 'two messages that are alike are one',
    file: 'src/domain/message-id.ts',
    from: 'return { id: idOf(text, ordinal), raw }',
    to: 'return { id: idOf(text, 0), raw }',
    tests: ['test/domain/message-id.test.ts'],
  },
  {
    name: 'an outage makes messages too old',
    file: INTAKE,
    from: '        liveMs: backlog.liveMs(chat),\n',
    to: '        liveMs: nowMs,\n',
    tests: ['test/runtime/degraded.test.ts', 'test/runtime/restart.test.ts'],
  },
  {
    name: 'what is older than the age fence is answered',
    file: CURSOR,
    from: "  if (timeMs <= liveMs - limits.ageFenceMs) return 'missed'\n",
    to: '',
    tests: ['test/domain/cursor.test.ts'],
  },
  {
    name: 'the place in the file index passes what could not be read',
    file: 'src/runtime/place.ts',
    from: 'const unread = due.files()',
    to: 'const unread: ReturnType<typeof due.files> = []',
    tests: ['test/runtime/push.test.ts'],
  },
  {
    name: 'the bot answers itself',
    file: INTAKE,
    from: 'postings.filter(posting => !isOwn(posting))',
    to: 'postings',
    tests: ['test/runtime/answering.test.ts'],
  },
  {
    name: 'a row of the policy table comes too early',
    file: POLICY,
    from: "if (policy === 'disabled') return",
    to: "if (policy === 'disabled' && !listed) return",
    tests: ['test/domain/policy.test.ts'],
  },
  {
    name: 'removed members of a group are answered',
    file: POLICY,
    from: "facts.membership === 'outsider'",
    to: 'false',
    tests: ['test/domain/policy.test.ts'],
  },
  // Whom it lets in, and what it gives away.
  {
    name: 'a key that somebody else writes confirms a reply',
    file: INTAKE,
    from: 'messages.filter(isOwn).flatMap(',
    to: 'messages.flatMap(',
    tests: ['test/runtime/forged-keys.test.ts'],
  },
  {
    name: 'a page from elsewhere may ask the inspector',
    file: GUARD,
    from: 'if (origin === undefined ||',
    to: "if (origin !== '' ||",
    tests: ['test/inspector/server.test.ts'],
  },
  {
    name: 'a foreign name may lead to the inspector',
    file: GUARD,
    from: 'return HOSTS.some(name => host ===',
    to: 'return HOSTS.some(name => host !==',
    tests: ['test/inspector/server.test.ts'],
  },
  {
    name: 'a path that is no URL ends the process',
    file: GUARD,
    from: "URL.parse(url ?? '/', 'http://localhost')?.searchParams",
    to: "new URL(url ?? '/', 'http://localhost').searchParams",
    tests: ['test/fuzz/fuzz.test.ts'],
  },
  {
    name: 'a key that everybody can read is used',
    file: 'src/adapters/ztm/small-file.ts',
    from: 'isSecret && process.getuid && (found.mode & READABLE_BY_ALL) !== 0',
    to: 'isSecret && found.mode === 0',
    tests: ['test/adapters/ztm/tls.test.ts', 'test/adapters/ztm/permit.test.ts'],
  },
  {
    name: 'a permit for somebody else is given to the agent',
    file: 'src/adapters/ztm/permit.ts',
    from: 'if (user !== username) {',
    to: "if (user === '') {",
    tests: ['test/adapters/ztm/permit.test.ts'],
  },
  {
    name: 'what a permit server sends back is quoted',
    file: 'src/adapters/ztm/exchange.ts',
    from: ".reduce((rest, secret) => rest.replaceAll(secret, '***'), text)",
    to: '.reduce(rest => rest, text)',
    tests: ['test/adapters/ztm/permit.test.ts', 'test/runner/secrets.test.ts'],
  },
  {
    name: 'a reason quotes the message',
    file: 'src/runner/responders/exec.ts',
    from: "withoutMessage(lastLine(errors.toString('utf8')), request)",
    to: "lastLine(errors.toString('utf8'))",
    tests: ['test/runner/secrets.test.ts'],
  },
  {
    name: 'a name that looks like another one is shown like it',
    file: 'src/domain/shown.ts',
    from: "return marks === '' ?",
    to: "return marks !== '-' ?",
    tests: ['test/domain/shown.test.ts', 'test/runner/names-on-terminal.test.ts'],
  },
  // A state that is older than the mesh.
  {
    name: 'what is written for the first time as a fold begins is not in the snapshot that covers it',
    file: 'src/adapters/store/compaction.ts',
    from: '    for (const key of recent.keys()) if (shardOf(key, shards) === shard) known.add(key)\n',
    to: '',
    tests: ['test/adapters/store/store-fold-race.test.ts'],
  },
  {
    name: 'a copy of the state is taken for whole though it was folded meanwhile',
    file: 'src/adapters/store/copy.ts',
    from: ' || !isSame(index, await readIndex(from))',
    to: '',
    tests: ['test/adapters/store/copy.test.ts'],
  },
  {
    name: 'a copy of the state is taken for whole though a shard was given its former name',
    file: 'src/adapters/store/copy.ts',
    from: 'shards.gone > 0 || ',
    to: '',
    tests: ['test/adapters/store/copy.test.ts'],
  },
  {
    name: 'what was answered after a copy was taken is new when the copy is put back',
    file: INTAKE,
    from: '(answered.has(candidate.id) || ',
    to: '(',
    tests: ['test/runtime/put-back.test.ts'],
  },
  {
    name: 'our own files of the time after a copy are not read when it is put back',
    file: 'src/runtime/feed/index-reader.ts',
    from: 'knowsOwn = false',
    to: 'knowsOwn = true',
    tests: ['test/runtime/put-back.test.ts'],
  },
  {
    name: 'what was under way when a copy was taken is asked again when it is put back',
    file: 'src/runtime/answered-before.ts',
    from: '      if (!open.has(job.id)) return dispatcher().submit(job)\n',
    to: '      if (job) return dispatcher().submit(job)\n',
    tests: ['test/runtime/put-back.test.ts'],
  },
  {
    name: 'only our newest files are looked into for what another life has answered',
    file: 'src/runtime/ledger.ts',
    from: ' || time >= sinceMs',
    to: '',
    tests: ['test/runtime/put-back.test.ts'],
  },
]
