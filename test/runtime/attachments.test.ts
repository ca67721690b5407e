import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { DispatchRequest } from '../../src/ports/responder.ts'
import { textOf } from '../../src/simulator/mesh/mesh.ts'
import { createWorld, type World } from '../../src/simulator/world.ts'

/** As the user's own chat app does it; resolves to the hash. */
async function upload(world: World, user: string, body: Uint8Array): Promise<string> {
  const target = `/api/meshes/${world.mesh.name}/apps/ztm/chat/api/files`
  return textOf(await world.mesh.user(user).agent.request({ method: 'POST', target, body }))
}

const bytes = (text: string) => new TextEncoder().encode(text)
const read = async (found: AsyncIterable<Uint8Array> | null) => found && text(found)
const toSend = (body: Uint8Array, name: string, contentType: string) => ({ size: body.length, chunks: [body], name, contentType })

test('files of a message reach the responder by what the mesh knows of them, and can be had from there', async () => {
  const asked: DispatchRequest[] = []
  const world = createWorld({
    responder: {
      async respond(request) {
        asked.push(request)
        return 'seen'
      },
    },
  })
  await world.start()
  const hash = await upload(world, 'alice', bytes('a cat'))
  const file = { owner: 'alice', hash, name: '../cat.txt', size: 5, contentType: 'text/plain' }
  await world.mesh.user('alice').says({ text: 'look', files: [file, { hash: 'no hash' }, 'no file'] })
  await world.settle()

  const [request] = asked
  expect(request?.files).toEqual([{ ...file, name: 'cat.txt', url: expect.stringMatching(new RegExp(`/files/alice/${hash}$`)) }])
  expect(await read(await world.account.download(request!.files[0]!))).toBe('a cat')
  await world.stop()
})

test('a message of files alone is a message', async () => {
  const world = createWorld({ responder: { respond: async ({ files, text }) => `${files.length} file, text ${JSON.stringify(text)}` } })
  await world.start()
  const hash = await upload(world, 'alice', bytes('x'))
  await world.mesh.user('alice').says({ files: [{ hash, name: 'x' }] })
  await world.settle()
  expect(world.answers('alice')).toEqual(['1 file, text ""'])
  await world.stop()
})

test('what is sent with a file names it, over a crash before the post, and once', async () => {
  const world = createWorld()
  await world.start()
  const alice = world.mesh.user('alice')
  const file = await world.account.upload(toSend(bytes('a note'), 'a/b/note.txt', 'text/plain'))
  world.bot.agent.down()
  await world.account.send({ chat: 'peer:alice', text: 'here', files: [file], key: 'k1' })
  await world.crash()
  world.bot.agent.up()
  await world.start()
  await world.account.send({ chat: 'peer:alice', text: 'here', files: [file], key: 'k1' })
  await world.settle(120_000)

  const [message, ...more] = alice.inbox()
  expect(more).toEqual([])
  expect(message?.message).toMatchObject({
    text: 'here',
    files: [{ owner: 'my-bot', hash: file.hash, name: 'note.txt', contentType: 'text/plain', size: 6 }],
  })
  await world.stop()
})

test('a file beyond mediaMaxMb goes neither way', async () => {
  const world = createWorld({ config: { mediaMaxMb: 1 } })
  await world.start()
  const large = new Uint8Array(1_048_577)
  await expect(world.account.upload(toSend(large, 'large', 'application/zip'))).rejects.toThrow('mediaMaxMb allows 1 MB')
  const hash = await upload(world, 'alice', large)
  await world.settle()
  const file = { owner: 'alice', hash, name: 'large', contentType: 'application/zip', size: null }
  await expect(world.account.download({ ...file, size: large.length })).rejects.toThrow('mediaMaxMb allows 1 MB')
  // Its sender may be wrong about the size.
  await expect(world.account.download(file)).rejects.toThrow('mediaMaxMb')
  await world.stop()
})

test('a file that has another content than its hash says ends with an error', async () => {
  const world = createWorld()
  await world.start()
  const hash = 'ab'.repeat(32)
  const target = `/api/meshes/${world.mesh.name}/file-data/apps/ztm/chat/shared/alice/publish/files/${hash}`
  await world.mesh.user('alice').agent.request({ method: 'POST', target, body: bytes('no cat') })
  await world.settle()
  const found = await world.account.download({ owner: 'alice', hash, name: 'cat.txt', contentType: 'text/plain', size: 6 })
  await expect(read(found)).rejects.toThrow(/files\/alice\/(ab){32} gave another content than that of its hash/)
  await world.stop()
})

test.each([
  ['fewer', 3],
  ['more', 1],
])('a file that has %s bytes than it said is not sent', async (_, size) => {
  const world = createWorld()
  await world.start()
  const chunks = [bytes('x'), bytes('y')]
  await expect(world.account.upload({ size, chunks, name: 'x', contentType: 'text/plain' })).rejects.toThrow(
    `The file "x" did not have the ${size} bytes that it said, so it was not sent; send a copy of it.`,
  )
  await world.stop()
})

test('a file that nobody reads is given up when the time of the call is over', async () => {
  const world = createWorld()
  await world.start()
  const hash = await upload(world, 'alice', bytes('a cat'))
  await world.settle()
  const found = await world.account.download({ owner: 'alice', hash, name: 'cat.txt', contentType: 'text/plain', size: 5 })
  await world.settle(60_000)
  await expect(read(found)).rejects.toThrow('got no whole answer within 30 s')
  await world.stop()
})
