/** Who owns a reply at which moment: the gateway until our outbox has it, the outbox from then on. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { textOf } from '../../../src/simulator/mesh/mesh.ts'
import { startAfterKill } from './start-after-kill.ts'
import { until } from './until.ts'
import { ANSWER_MS_MAX, MESH, sharedWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await sharedWorld()
})

const keysIn = (user: string, account: 'open' | 'starred') =>
  world.mesh
    .user(user)
    .inbox(`peer:${account}-bot`)
    .flatMap(({ sender, message }) => (sender === `${account}-bot` ? [JSON.stringify(message)] : []))

test('a reply takes the gateway’s durable path: its key on the mesh names the answered message and the delivery', async () => {
  const della = world.chat('della', 'open')
  await della.says('which delivery?')
  await della.hears('model says: which delivery?')
  expect(keysIn('della', 'open')[0]).toMatch(/"ztmChat":\{"key":"[0-9a-f]{24}#0-[0-9a-f]{8}\.[0-9a-f-]{36}#0"\}/)
})

test('what is sent from the command line while the agent is away is taken, and arrives once when it is back', async () => {
  const hanna = world.chat('hanna', 'open')
  world.bot('open').agent.down()
  const { stdout } = await world.gateway.must(
    ...['message', 'send', '--channel', 'ztm-chat', '--account', 'open', '--target', 'hanna', '--message', 'from the shell', '--json'],
  )
  expect(stdout).toMatch(/messageId/i)
  world.bot('open').agent.up()
  await hanna.hears('from the shell')
  expect(hanna.heard()).toEqual(['from the shell'])
})

test('killed with a reply in the outbox that the mesh does not have yet, the gateway posts it once after the start', async () => {
  const fay = world.chat('fay', 'open')
  const held = world.model.hold(/answer me later/)
  await fay.says('answer me later')
  await until('the model is asked', () => world.model.about('answer me later').length > 0, ANSWER_MS_MAX, world.tail)
  world.bot('open').agent.down()
  held.release()
  const waits = async () => /"outbox":\s*[1-9]/.test((await world.gateway.must('ztm-chat', 'status', '--json')).stdout)
  await until('the reply is in the outbox', waits, ANSWER_MS_MAX, world.tail)
  await world.gateway.kill()
  world.bot('open').agent.up()
  await startAfterKill(world.gateway, world.accounts)

  await fay.hears('model says: answer me later')
  await fay.says('and now?')
  await fay.hears('model says: and now?')
  expect(fay.heard()).toEqual(['model says: answer me later', 'model says: and now?'])
})

test('killed in the middle of a turn, with another message behind it, the gateway answers both once after the start', async () => {
  const noa = world.chat('noa', 'open')
  const both = ['first of two', 'second of two']
  world.model.on(/of two/, ({ everything }) => {
    const open = both.filter(text => everything.includes(text) && !everything.includes(`answer to ${text}`))
    return open.map(text => `answer to ${text}`).join(', ')
  })
  const held = world.model.hold(/of two/)
  const hasBoth = async () => /"runningDispatches":\s*2/.test((await world.gateway.must('ztm-chat', 'status', '--json')).stdout)
  await noa.says('first of two')
  await until('the model is asked', () => world.model.about('first of two').length > 0, ANSWER_MS_MAX, world.tail)
  await noa.says('second of two')
  await until('OpenClaw has both', hasBoth, ANSWER_MS_MAX, world.tail)
  await world.gateway.kill()
  held.release()
  await startAfterKill(world.gateway, world.accounts)

  const answers = () =>
    Array.from(
      noa
        .heard()
        .join(' ')
        .matchAll(/answer to \w+ of two/g),
      ([answer]) => answer,
    )
  await until('both are answered', () => both.every(text => answers().includes(`answer to ${text}`)), ANSWER_MS_MAX, world.tail)
  await noa.says('and now?')
  await noa.hears('model says: and now?')
  expect(answers()).toEqual(both.map(text => `answer to ${text}`))
})

const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const filesRoute = `/api/meshes/${MESH}/apps/ztm/chat/api/files`
/** What the host keeps of what people sent, by names that begin with theirs. */
const inbound = () => join(world.gateway.stateDir, 'media', 'inbound')
async function readKept(name: string): Promise<Buffer> {
  const found = (await readdir(inbound())).find(kept => kept.startsWith(`${name}---`))
  return readFile(join(inbound(), found ?? name))
}

test('a picture that somebody sends reaches the assistant', async () => {
  const gus = world.chat('gus', 'open')
  const { agent } = world.mesh.user('gus')
  const hash = await textOf(await agent.request({ method: 'POST', target: filesRoute, body: PICTURE }))
  await gus.says({
    text: 'what is in the picture?',
    files: [{ owner: 'gus', hash, name: 'dot.png', size: PICTURE.length, contentType: 'image/png' }],
  })
  await until(
    'the model is asked',
    () => world.model.requests.some(({ everything }) => everything.includes('what is in the picture?')),
    ANSWER_MS_MAX,
    world.tail,
  )
  const request = world.model.requests.find(({ everything }) => everything.includes('what is in the picture?'))
  expect(request?.everything).not.toContain('could not be loaded')
  expect(request?.everything).toMatch(/inbound\/[^"\s]*\.png/)
  expect((await readKept('dot')).equals(PICTURE)).toBe(true)
})

test('a file of 20 MB is kept as it is; of one that is not what its hash says, and of one that breaks off, nothing is, and both are told', async () => {
  const liv = world.chat('liv', 'open')
  const { agent } = world.mesh.user('liv')
  const large = Buffer.alloc(20 * 1_048_576, 'as large as may be, ')
  const largeHash = await textOf(await agent.request({ method: 'POST', target: filesRoute, body: large }))
  const [falseHash, tornHash] = ['ab'.repeat(32), 'cd'.repeat(32)]
  const published = `/api/meshes/${MESH}/file-data/apps/ztm/chat/shared/liv/publish/files/${falseHash}`
  await agent.request({ method: 'POST', target: published, body: Buffer.from('something else') })
  const isTorn = ({ target }: { target: string }) => target.endsWith(tornHash)
  async function* torn() {
    yield Buffer.from('the beginning')
    throw new Error('That was all.')
  }
  const mend = world.bot('open').agent.answer(() => ({ status: 200, headers: {}, body: torn() }), { when: isTorn })
  const file = (hash: string, name: string) => ({ owner: 'liv', hash, name, contentType: 'application/octet-stream' })
  const files = [file(largeHash, 'large.bin'), file(falseHash, 'false.bin'), file(tornHash, 'torn.bin')]
  await liv.says({ text: 'what is in the three?', files })
  const asked = () => world.model.requests.find(({ everything }) => everything.includes('what is in the three?')) ?? false
  const { everything } = await until('the model is asked', asked, ANSWER_MS_MAX, world.tail)
  mend()

  expect(everything).toMatch(/inbound\/[^"\s]*large---/)
  expect(everything.match(/(\w+)\.bin[\\"]* could not be loaded/g)?.map(told => told.split('.')[0])).toEqual(['false', 'torn'])
  expect((await readdir(inbound())).filter(kept => /^\.|false|torn/.test(kept))).toEqual([])
  expect((await readKept('large')).equals(large)).toBe(true)
})

test('a file that is sent from the command line arrives with its content', async () => {
  const ida = world.chat('ida', 'open')
  const path = join(world.gateway.workspace, 'dot.png')
  await writeFile(path, PICTURE)
  await world.gateway.must(
    'message',
    'send',
    '--channel',
    'ztm-chat',
    '--account',
    'open',
    '--target',
    'ida',
    '--message',
    'look',
    '--media',
    path,
  )
  await ida.hears('look')

  const [message] = world.mesh.user('ida').inbox('peer:open-bot')
  const { files } = (message?.message ?? {}) as { files: { owner: string; hash: string; name: string }[] }
  expect(files).toMatchObject([{ owner: 'open-bot', name: 'dot.png', contentType: 'image/png' }])
  const { status, body } = await world.mesh.user('ida').agent.request({ method: 'GET', target: `${filesRoute}/open-bot/${files[0]?.hash}` })
  expect([status, Buffer.from(body as Uint8Array).equals(PICTURE)]).toEqual([200, true])
})
