/** A bot's state goes into a fleet (`fleet import`) while much of it is open, comes out again (`fleet export`), and goes in once more. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { replyKeyOf } from '../../../src/domain/inbound.ts'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'
import { folderInTest, isLive, run, serveMesh, startInTest, writeConfig } from '../../runner/cli.ts'
import { createFleet } from './fleet.ts'

const BOT = 'openclaw-bot'
const DIRECT = `peer:${BOT}` as const
const PATIENCE = { timeout: 60_000, interval: 50 }

/** Answers what it is asked; of some it keeps whoever asks waiting, or fails. */
async function startResponder() {
  const asked: string[] = []
  const waiting: (() => void)[] = []
  let isBusy = true
  const server = createServer(async (request, response) => {
    const { text: said } = JSON.parse(await text(request)) as { readonly text: string }
    asked.push(said)
    if (said.startsWith('fail') && isBusy) response.statusCode = 500
    const answer = () => response.setHeader('content-type', 'text/plain').end(`re: ${said}`)
    said.startsWith('wait') && isBusy ? waiting.push(answer) : answer()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise(resolve => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    busy(is: boolean) {
      isBusy = is
      for (const answer of is ? [] : waiting.splice(0)) answer()
    },
  }
}

const answersTo = (mesh: SimMesh, user: string): readonly string[] =>
  mesh
    .user(user)
    .inbox(DIRECT)
    .flatMap(({ sender, message }) => (sender === BOT ? String((message as { readonly text?: unknown }).text) : []))

const answersOf = (mesh: SimMesh, ...users: readonly string[]) => Object.fromEntries(users.map(user => [user, answersTo(mesh, user)]))

const codeOf = (mesh: SimMesh, user: string): string => /owner: (\S+)/.exec(answersTo(mesh, user).join('\n'))?.[1] ?? ''

/** Done when the bot's agent is asked to post the answer to this, just before it does. */
function whenPosting(mesh: SimMesh, what: string, act: () => void): void {
  mesh.user(BOT).agent.answer(({ method, target, body }) => {
    const said = Buffer.from(body ?? '').toString()
    if (method === 'POST' && target.endsWith('/messages') && said.includes(`re: ${what}`)) act()
    return null
  })
}

test('a bot that is killed goes on in a fleet, then as a bot again, then in the fleet: one answer to each message', {
  timeout: 300_000,
}, async () => {
  const { mesh, url } = await serveMesh()
  const responder = await startResponder()
  const keys: string[] = []
  mesh.user(BOT).agent.answer(({ method, target, body }) => {
    if (method === 'POST' && target.endsWith('/messages')) keys.push(replyKeyOf(JSON.parse(Buffer.from(body ?? '').toString())) ?? '')
    return null
  })
  const config = {
    agentUrl: url,
    meshName: 'demo-mesh',
    username: BOT,
    allowFrom: ['alice', 'bob', 'carol', 'frank', 'gina'],
    pollInterval: 100,
    limits: { dispatchAttempts: 1, dispatchTimeoutMs: 240_000 },
  }
  const folder = await folderInTest()
  const configFile = await writeConfig(folder, config)
  const at = (dir: string) => ['--config', configFile, '--state-dir', `${folder}/${dir}`]
  const says = (user: string, what: string) => mesh.user(user).says(what, DIRECT)
  const command = async (...args: readonly string[]) => {
    const { code, out, err } = await run(args, { built: true })
    return { code, out: out.join('\n'), err: err.replaceAll(folder, 'FOLDER') }
  }

  // A bot with something of everything open.
  const bot = startInTest(['run', ...at('one'), '--responder', `http:${responder.url}`, '--json'], { built: true })
  await bot.line(isLive)
  await says('erin', 'hello')
  await expect.poll(() => codeOf(mesh, 'erin'), PATIENCE).not.toBe('')
  await command('pairing', 'approve', codeOf(mesh, 'erin'), ...at('one'))
  await expect.poll(() => answersTo(mesh, 'erin'), PATIENCE).toContain('re: hello')
  await says('dave', 'may I?')
  await says('carol', 'fail, please')
  await says('alice', 'wait for it')
  await says('alice', 'and then this')
  await expect.poll(() => codeOf(mesh, 'dave'), PATIENCE).not.toBe('')
  await expect.poll(() => responder.asked, PATIENCE).toEqual(expect.arrayContaining(['fail, please', 'wait for it']))
  await expect.poll(async () => (await command('deadletter', 'list', ...at('one'))).out, PATIENCE).toContain('carol')
  whenPosting(mesh, 'posted blindly', () => bot.process.kill('SIGKILL'))
  await says('bob', 'posted blindly')
  await bot.ended

  // Into a fleet.
  const fleet = await createFleet({ config, responder: `http:${responder.url}` })
  onTestFinished(() => fleet.dispose())
  await fleet.start('engine')
  await fleet.start('service')
  const ends = ['--ingress', fleet.ingress, '--admin', fleet.admin]
  expect(await command('fleet', 'import', ...at('one'), ...ends)).toEqual({
    code: 0,
    out: '5 chats and 1 pairing request are in the fleet now (account default).',
    err: '',
  })
  // Once more is as good as once.
  expect(await command('fleet', 'import', ...at('one'), ...ends)).toMatchObject({ code: 0 })
  expect(await command('run', ...at('one'))).toMatchObject({
    code: 1,
    err: expect.stringContaining(`was moved into the fleet at ${fleet.ingress}`),
  })
  responder.busy(false)
  await fleet.start('feeder')
  await says('erin', 'still known?')
  await expect
    .poll(() => answersOf(mesh, 'alice', 'bob', 'carol'), PATIENCE)
    .toEqual({ alice: ['re: wait for it', 're: and then this'], bob: ['re: posted blindly'], carol: [] })
  await expect.poll(() => answersTo(mesh, 'erin').at(-1), PATIENCE).toBe('re: still known?')
  const approved = await fetch(`${fleet.ingress}/account/default/approve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: codeOf(mesh, 'dave') }),
  })
  expect(await approved.json()).toEqual({ user: 'dave' })
  await expect.poll(() => answersTo(mesh, 'dave'), PATIENCE).toContain('re: may I?')

  // And out of it.
  responder.busy(true)
  await says('frank', 'wait again')
  await expect.poll(() => responder.asked, PATIENCE).toContain('wait again')
  await says('harry', 'and I?')
  await expect.poll(() => codeOf(mesh, 'harry'), PATIENCE).not.toBe('')
  expect(await command('fleet', 'export', ...at('two'), ...ends)).toMatchObject({
    code: 1,
    err: expect.stringContaining('stop all feeders'),
  })
  await fleet.stop('feeder')
  await expect
    .poll(() => command('fleet', 'export', ...at('two'), ...ends), PATIENCE)
    .toEqual({ code: 0, out: '7 chats and 1 pairing request are out of the fleet now (account default).', err: '' })
  expect(await command('fleet', 'export', ...at('three'), ...ends)).toMatchObject({ code: 1, err: expect.stringContaining('before') })
  responder.busy(false)
  const again = startInTest(['run', ...at('two'), '--responder', `http:${responder.url}`, '--json'], { built: true })
  await again.line(isLive)
  await command('deadletter', 'retry', '--all', ...at('two'))
  await command('pairing', 'approve', codeOf(mesh, 'harry'), ...at('two'))
  await says('dave', 'still known?')
  await expect
    .poll(() => answersOf(mesh, 'frank', 'carol', 'alice'), PATIENCE)
    .toEqual({ frank: ['re: wait again'], carol: ['re: fail, please'], alice: ['re: wait for it', 're: and then this'] })
  await expect.poll(() => answersTo(mesh, 'dave').at(-1), PATIENCE).toBe('re: still known?')
  await expect.poll(() => answersTo(mesh, 'harry').at(-1), PATIENCE).toBe('re: and I?')
  await again.stop()

  // What is older than that does not come a second time.
  expect(await command('fleet', 'import', ...at('one'), ...ends)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is not what this fleet has now'),
  })

  // And in once more, over what it has left there.
  expect(await command('fleet', 'import', ...at('two'), ...ends)).toMatchObject({ code: 0 })
  await fleet.start('feeder')
  await says('gina', 'a new one')
  await says('frank', 'an old one')
  await expect
    .poll(() => answersOf(mesh, 'gina', 'frank'), PATIENCE)
    .toEqual({ gina: ['re: a new one'], frank: ['re: wait again', 're: an old one'] })

  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  expect(answersOf(mesh, 'bob', 'carol')).toEqual({ bob: ['re: posted blindly'], carol: ['re: fail, please'] })
})
