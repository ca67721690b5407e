import {
  createPinoLog,
  createRuntime,
  cryptoRandom,
  openAccountAgent,
  openAccountStore,
  parseConfig,
  permitSource,
  type Responder,
  ResponderRefused,
  systemClock,
} from 'openclaw-ztm-chat'

const { accounts } = parseConfig({
  agentUrl: process.env['AGENT_URL'] ?? 'http://localhost:7777',
  meshName: 'home',
  username: 'my-bot',
  dmPolicy: 'open',
})

const parrot: Responder = {
  async respond({ sender, text }) {
    if (text.length > 1_000) throw new ResponderRefused('The parrot takes no more than 1,000 characters.') // not tried again
    return `${sender} says: ${text}`
  },
}

const log = createPinoLog({ level: 'warn' }) // JSON lines on standard error
const runtime = createRuntime({
  accounts,
  ports: {
    clock: systemClock,
    random: cryptoRandom,
    log,
    agent: settings => openAccountAgent(settings, systemClock, log),
    store: account => openAccountStore({ root: './state', account }),
    permits: permitSource(systemClock),
    responder: parrot,
  },
})

runtime.events.subscribe(event => console.log(JSON.stringify(event)))
await runtime.start() // resolves when the state is loaded; the account connects by itself, and goes on trying for ever
await runtime.accounts()[0]?.send({ chat: 'peer:alice', text: 'The parrot is back.', key: 'hello-2026-11-27' })
process.once('SIGTERM', () => void runtime.stop())
