/** Feeders tell how their accounts are, over real HTTP. */
import { expect, onTestFinished, test } from 'vitest'
import { createUndiciTransport } from '../../../src/adapters/ztm/undici-transport.ts'
import { servePosts } from '../../../src/cluster/feeder/posts-server.ts'
import { accountsAt } from '../../../src/cluster/feeder-accounts.ts'
import type { AccountStatus } from '../../../src/runtime/runtime.ts'
import { createStatusKeeper } from '../../../src/runtime/status.ts'
import { closedPort, startServer } from '../../adapters/ztm/local-server.ts'
import { START_MS } from './stage.ts'

const SECRET = 'not-a-secret-of-anybody'

function statusOf(account: string, state: AccountStatus['state']): AccountStatus {
  const keeper = createStatusKeeper(account, () => {})
  keeper.state(state, null, START_MS)
  const none = { chats: 0, waitingDispatches: 0, runningDispatches: 0, outbox: 0, uncertain: 0, pendingPairings: 0, deadLetters: 0 }
  return keeper.status({ ...none, feed: 'push', selfHeal: null, warnings: ['A certificate expires soon.'] })
}

async function feederWith(...statuses: readonly AccountStatus[]): Promise<string> {
  const server = await servePosts({
    host: '127.0.0.1',
    port: 0,
    secret: SECRET,
    posts: () => null,
    statuses: () => statuses,
    trouble: () => null,
  })
  onTestFinished(() => server.close())
  return `127.0.0.1:${server.port}`
}

async function answering(status: number, text: string): Promise<string> {
  const server = await startServer((_, response) => void response.writeHead(status).end(text))
  onTestFinished(() => server.close())
  return new URL(server.url).host
}

function asking(addresses: readonly string[], secret = SECRET) {
  const transport = createUndiciTransport()
  onTestFinished(() => transport.close())
  return accountsAt(addresses, secret, transport)
}

test('each feeder tells of the accounts that it has', async () => {
  const [home, work, spare] = [statusOf('home', 'live'), statusOf('work', 'degraded'), statusOf('spare', 'joining')]

  const told = await asking([await feederWith(home, work), await feederWith(spare)])

  expect(told).toEqual({
    accounts: new Map([
      ['home', home],
      ['work', work],
      ['spare', spare],
    ]),
    troubles: [],
  })
})

test('nothing is told to whoever has another secret, or none', async () => {
  const feeder = await feederWith(statusOf('home', 'live'))

  for (const secret of ['', `${SECRET}x`])
    expect(await asking([feeder], secret)).toEqual({
      accounts: new Map(),
      troubles: [`The feeder at ${feeder} has another secret; give the same to every process of the fleet.`],
    })
})

test('a feeder that does not tell costs a sentence, and the others are heard', async () => {
  const home = statusOf('home', 'live')
  const gone = new URL(await closedPort()).host
  const older = await answering(404, '{}')
  const web = await answering(200, '<html>')

  const { accounts, troubles } = await asking([gone, older, await feederWith(home), web])

  expect(accounts).toEqual(new Map([['home', home]]))
  expect(troubles).toEqual([
    expect.stringMatching(`^The feeder at ${gone} does not answer: .*\\. Is it running, and can it be reached from here\\?$`),
    `What answers at ${older} does not tell how its accounts are (404); is it a feeder of this version?`,
    `What answers at ${web} does not tell how its accounts are (200); is it a feeder of this version?`,
  ])
})
