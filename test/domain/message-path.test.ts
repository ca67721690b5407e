import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMessageFile } from '../../src/domain/message-file.ts'
import { parseMessagePath } from '../../src/domain/message-path.ts'

const parse = (path: string) => parseMessagePath(path, 'my-bot')
const shared = (rest: string) => `/apps/ztm/chat/shared/${rest}`

describe('a message file is taken for', () => {
  test.each([
    ['a direct message to us', 'alice/publish/peers/my-bot/messages/1795462761831.json', 'peer:alice', 'alice'],
    ['a direct message of ours', 'my-bot/publish/peers/alice/messages/1795462761831.json', 'peer:alice', 'my-bot'],
    ['a message in a group', 'bob/publish/groups/alice/team/messages/1795462761831.json', 'group:alice/team', 'bob'],
    ['a message of a name in any script', '王小明/publish/peers/my-bot/messages/1795462761831.json', 'peer:王小明', '王小明'],
    ['a message of a name with a percent sign', 'a%2Fb/publish/peers/my-bot/messages/1795462761831.json', 'peer:a%2Fb', 'a%2Fb'],
  ])('%s', (_, path, chat, sender) => {
    expect(parse(shared(path))).toEqual({ chat, sender, stamp: 1_795_462_761_831 })
  })
})

describe('a path is nobody’s message when it', () => {
  test.each([
    ['is for somebody else', 'alice/publish/peers/bob/messages/1.json'],
    ['hides another owner behind its own', 'mallory/publish/peers/x/publish/peers/my-bot/messages/1.json'],
    ['names no sender', '/publish/peers/my-bot/messages/1.json'],
    ['names a folder as the sender', './publish/peers/my-bot/messages/1.json'],
    ['has a piece too many', 'alice/publish/peers/my-bot/messages/more/1.json'],
    ['has a piece too few', 'alice/publish/peers/messages/1.json'],
    ['names a group without its creator', 'alice/publish/groups/team/messages/1.json'],
    ['names a group with one piece too many', 'alice/publish/groups/alice/team/x/messages/1.json'],
    ['has an empty group', 'alice/publish/groups/alice//messages/1.json'],
    ['has a name that is no time', 'alice/publish/peers/my-bot/messages/first.json'],
    ['has a name that goes on', 'alice/publish/peers/my-bot/messages/1.json.bak'],
    ['has another receiver in upper case', 'alice/publish/peers/MY-BOT/messages/1.json'],
    ['has a control character', 'al\nice/publish/peers/my-bot/messages/1.json'],
    ['has a mark that ends a path', 'alice#/publish/peers/my-bot/messages/1.json'],
    ['is in another folder than messages', 'alice/publish/peers/my-bot/drafts/1.json'],
  ])('%s', (_, path) => {
    expect(parse(shared(path))).toBe('unusable')
  })

  test.each([
    '/apps/other/chat/shared/alice/publish/peers/my-bot/messages/1.json',
    '/shared/alice/publish/peers/my-bot/messages/1.json',
    ' /apps/ztm/chat/shared/alice/publish/peers/my-bot/messages/1.json',
    '/apps/ztm/chat/SHARED/alice/publish/peers/my-bot/messages/1.json',
    shared('mallory/../alice/publish/peers/my-bot/messages/1.json'),
    shared('alice/private/peers/my-bot/messages/1.json'),
    shared('alice/publish/files/0123'),
    shared('alice/publish/groups/alice/team/info.json'),
    '',
  ])('stands elsewhere: %s', path => {
    expect(parse(path)).toBe('elsewhere')
  })
})

test('whatever a path looks like, it speaks for nobody but the owner of its folder', () => {
  const name = fc.oneof(
    fc.constantFrom('alice', 'my-bot', 'bob', 'publish', 'peers', 'groups', 'messages', '..', '.', '', '%2e%2e', 'a/b', 'a#b', '1.json'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const almost = fc
    .tuple(name, fc.constantFrom('peers', 'groups'), fc.array(name, { maxLength: 4 }), fc.constantFrom('1.json', 'x.json', '', '-1.json'))
    .map(([sender, kind, names, file]) => shared([sender, 'publish', kind, ...names, 'messages', file].join('/')))
  fc.assert(
    fc.property(
      fc.oneof(
        almost,
        fc.array(name, { maxLength: 9 }).map(pieces => shared(pieces.join('/'))),
        fc.string(),
      ),
      path => {
        const place = parse(path)
        if (typeof place === 'string') return
        // What the hub checks: the owner is the piece behind `shared`, and only that user can announce the file.
        expect(/^\/apps\/[^/]+\/[^/]+\/shared\/([^/]+)\/./.exec(path)?.[1]).toBe(place.sender)
        const { chat, sender, stamp } = place
        const folder = chat.startsWith('peer:')
          ? `peers/${sender === 'my-bot' ? chat.slice('peer:'.length) : 'my-bot'}`
          : `groups/${chat.slice('group:'.length)}`
        expect(path).toMatch(/\/0*\d+\.json$/)
        expect(path.slice(0, path.lastIndexOf('/'))).toBe(shared(`${sender}/publish/${folder}/messages`))
        expect(Number.isSafeInteger(stamp)).toBe(true)
      },
    ),
    { numRuns: 2_000 },
  )
})

describe('a message file', () => {
  const read = (text: string) => readMessageFile(new TextEncoder().encode(text))

  test('gives its entries in order, whatever stands in them, and nothing that claims to be a sender', () => {
    const text = '[{"time":1,"message":{"text":"hi"},"sender":"alice"},null,3,[],{"time":"x"},{"__proto__":{"time":2,"message":"forged"}}]'
    expect(read(text)).toEqual([
      { time: 1, message: { text: 'hi' } },
      { time: undefined, message: undefined },
      { time: undefined, message: undefined },
      { time: undefined, message: undefined },
      { time: 'x', message: undefined },
      { time: undefined, message: undefined },
    ])
  })

  test.each(['', '{}', 'null', '[', '[{"time":1}', 'x'])('that is no list is none: %s', text => {
    expect(read(text)).toBeNull()
  })

  test('of any bytes does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        readMessageFile(bytes)
      }),
    )
  })
})
