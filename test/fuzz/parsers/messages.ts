/** What people post: any JSON, under any name, in any file; by itself, and on its way through the whole runtime. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { attachmentsOf, fileName } from '../../../src/domain/attachments.ts'
import { parseChat } from '../../../src/domain/ids.ts'
import { readMessage, replyKeyOf } from '../../../src/domain/inbound.ts'
import type { Json } from '../../../src/domain/json.ts'
import { findMention } from '../../../src/domain/mention.ts'
import { readMessageFile } from '../../../src/domain/message-file.ts'
import { identify } from '../../../src/domain/message-id.ts'
import { parseMessagePath, SHARED } from '../../../src/domain/message-path.ts'
import { isSafeName, makeSafe, splitReply } from '../../../src/domain/reply.ts'
import { createWorld } from '../../../src/simulator/world.ts'
import { bytesOf, garbage, jsonText, jsonValue, latin1Of, nastyText, nearly, nearlyValue, readAsJson } from '../inputs.ts'
import { isSentence } from '../invariants.ts'
import { target } from '../target.ts'

const HASH = 'ab'.repeat(32)
const MESSAGE = {
  text: 'hello @my-bot, how are you?',
  ztmChat: { key: '0123456789abcdef01234567#0' },
  files: [{ owner: 'alice', hash: HASH, name: 'a.png', size: 3, contentType: 'image/png' }],
}

/** Good messages with something wrong in them, and any JSON. */
const message: fc.Arbitrary<Json> = fc.oneof(
  nearlyValue(MESSAGE, { text: 'hi' }).map(readAsJson),
  nastyText.map(text => ({ text })),
  jsonValue,
)

const object = target({
  name: 'message object',
  runs: 300,
  input: fc.record({ time: fc.oneof(fc.constant(1_795_462_000_000), jsonValue), message, sender: nastyText }),
  check({ time, message, sender }) {
    const read = readMessage({ time, message }, 1_000)
    const key = replyKeyOf(message)
    assert.ok(key === null || (key !== '' && key.length <= 200))
    if (read.kind === 'unsupported') return isSentence(read.why)
    assert.ok(read.text.length <= 1_100 && (read.text !== '' || read.files.length > 0))
    const { text } = findMention(read.text, 'my-bot')
    assert.ok(text.length <= read.text.length)
    for (const file of attachmentsOf(read.files, sender)) {
      assert.ok(isSafeName(file.owner))
      assert.match(file.hash, /^[0-9a-f]{64}$/)
      isFileName(file.name)
      assert.match(file.contentType, /^[\w.+-]+\/[\w.+-]+$/)
    }
  },
})

const identity = target({
  name: 'message identity',
  input: fc.array(fc.record({ time: jsonValue, message, sender: nastyText }), { maxLength: 5 }),
  check(batch) {
    const ids = identify('peer:alice', batch).map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[0-9a-f]{24}$/)
    assert.equal(new Set(ids).size, batch.length)
    assert.deepEqual(
      identify('peer:alice', batch).map(({ id }) => id),
      ids,
    )
  },
})

const file = target({
  name: 'message file',
  input: fc.oneof(nearly(JSON.stringify([{ time: 1, message: MESSAGE }])), jsonText, garbage).map(latin1Of),
  check(body) {
    for (const { time, message } of readMessageFile(bytesOf(body)) ?? []) readMessage({ time, message }, 1_000)
  },
})

const path = target({
  name: 'message path',
  runs: 300,
  input: fc.oneof(
    nearly(`${SHARED}alice/publish/peers/my-bot/messages/1795462000000.json`, `${SHARED}alice/publish/groups/bob/team/messages/17.json`),
    fc.array(nastyText, { maxLength: 6 }).map(parts => `${SHARED}${parts.join('/')}`),
    nastyText,
  ),
  check(path) {
    const found = parseMessagePath(path, 'my-bot')
    if (typeof found === 'string') return
    // There is one way to write it, and only its owner can write there.
    const { chat, sender, stamp } = found
    const place = parseChat(chat)
    const folder =
      place.kind === 'group' ? `groups/${place.creator}/${place.group}` : `peers/${sender === 'my-bot' ? place.peer : 'my-bot'}`
    const file = path.slice(path.lastIndexOf('/') + 1)
    assert.equal(path, `${SHARED}${sender}/publish/${folder}/messages/${file}`)
    assert.equal(Number(file.replace(/\.json$/, '')), stamp)
    assert.ok([sender, ...(place.kind === 'group' ? [place.creator, place.group] : [place.peer])].every(isSafeName))
  },
})

const attachmentName = target({
  name: 'file name',
  runs: 300,
  input: fc.oneof(
    nastyText,
    fc.array(nastyText, { maxLength: 4 }).map(parts => parts.join('/')),
  ),
  check: name => isFileName(fileName(name)),
})

function isFileName(name: string): void {
  assert.ok(name !== '' && name !== '.' && name !== '..' && name.length <= 120 && name.isWellFormed())
  assert.doesNotMatch(name, /[/\\\p{Cc}]|^\./u)
}

const reply = target({
  name: 'reply',
  input: fc.record({
    text: fc.oneof(
      nastyText,
      fc.array(fc.oneof(nastyText, fc.constantFrom('```js\n', '\n', '\n\n', '~~~', ' '))).map(parts => parts.join('')),
    ),
    max: fc.integer({ min: 2, max: 80 }),
  }),
  check({ text, max }) {
    const safe = makeSafe(text)
    assert.ok(safe.isWellFormed())
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(safe, /[\u0000-\u0007\u000b\u000e-\u001f]/)
    for (const part of splitReply(safe, max)) assert.ok(part.length <= max && part.isWellFormed() && part.trim() !== '')
  },
})

/** Somebody posts all of this, and somebody else a plain question. */
const runtime = target({
  name: 'messages, through the runtime',
  runs: 6,
  input: fc.record({ seed: fc.nat(1_000), messages: fc.array(message, { minLength: 5, maxLength: 15 }) }),
  async check({ seed, messages }) {
    const world = createWorld({ seed, config: { limits: { dispatchBackoffMs: 10, dispatchBackoffMsMax: 10 } } })
    const stranger = world.mesh.user('mallory')
    await world.start()
    try {
      for (const each of messages) await stranger.says(each)
      await world.mesh.user('alice').says('are you well?')
      await world.settle(60_000)
      assert.deepEqual(world.answers('alice'), ['echo: are you well?'])
      const { state, counters } = world.account.status()
      assert.equal(state, 'live')
      assert.equal(counters.deadLetters, 0)
      // Each is decided about once, and all of it can be told and shown.
      assert.equal(counters.seen, counters.processed + Object.values(counters.ignored).reduce((sum, count) => sum + count, 0))
      JSON.stringify(await world.account.explain({ chat: 'peer:mallory', last: 1_000 }))
      for (const actor of world.account.inspection.actors()) JSON.stringify(world.account.inspection.look(actor))
      assert.deepEqual(
        world.log.filter(({ level }) => level === 'error'),
        [],
      )
    } finally {
      await world.stop()
    }
  },
})

export const messageTargets = [object, identity, file, path, attachmentName, reply, runtime]
