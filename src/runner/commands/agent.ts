import { cryptoRandom } from '../../adapters/clock/crypto-random.ts'
import { systemClock } from '../../adapters/clock/system-clock.ts'
import { createMesh } from '../../simulator/mesh/mesh.ts'
import { CALM, REAL } from '../../simulator/mesh/quirks.ts'
import { type ServedAgent, serveAgent } from '../../simulator/mesh/serve.ts'
import { colours, plain, print, printJson } from '../output.ts'
import { serveSimControl } from '../sim-control.ts'
import { untilStopped } from '../stop-signal.ts'
import { UsageError } from '../usage-error.ts'

export type AgentOptions = {
  readonly port: number
  readonly bot: string
  readonly mesh: string
  readonly users: readonly string[]
  readonly real: boolean
  readonly json: boolean
}

/** A simulated mesh, with the agent of the bot, those of the users, and the control on loopback ports. */
export async function agent({ port, bot, mesh: name, users, real, json }: AgentOptions): Promise<number> {
  if (users.includes(bot)) throw new UsageError(`--users has "${bot}", which is the bot; leave it out, or choose another --bot.`)
  const portOf = (offset: number): number => (port === 0 ? 0 : port + offset)
  if (portOf(users.length + 1) > 65_535)
    throw new UsageError(`--port ${port} leaves no room for ${users.length + 1} more ports; choose a lower one.`)

  const stopped = untilStopped()
  const mesh = createMesh({ clock: systemClock, random: cryptoRandom, name, quirks: real ? REAL : CALM })
  mesh.bot = bot
  const served: ServedAgent[] = []
  const serve = async (user: string, offset: number): Promise<{ user: string; url: string }> => {
    const opened = await serveAgent(mesh.user(user).agent, { port: portOf(offset) })
    served.push(opened)
    return { user, url: opened.url }
  }
  try {
    const { url } = await serve(bot, 0)
    const others: { user: string; url: string }[] = []
    for (const [index, user] of users.entries()) others.push(await serve(user, index + 1))
    const control = await serveSimControl(mesh, portOf(users.length + 1))
    served.push(control)
    if (json)
      printJson({
        event: 'ready',
        url,
        mesh: name,
        bot,
        users: Object.fromEntries(others.map(each => [each.user, each.url])),
        control: control.url,
      })
    else describe({ url, name, bot, others, control: control.url })
    await stopped
    return 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new UsageError(`A port from ${port} on is in use by another program; choose another --port, or 0 for free ones.`)
    }
    throw error
  } finally {
    await Promise.all(served.map(each => each.close()))
  }
}

type Described = { url: string; name: string; bot: string; others: readonly { user: string; url: string }[]; control: string }

function describe({ url, name, bot, others, control }: Described): void {
  const { bold, dim } = colours
  print(`Simulated mesh ${bold(plain(name))}. Ctrl-C ends it.`)
  print('')
  print(`  ${bold(url)}  ${dim('agent of the bot')} ${plain(bot)}  ${dim('← agentUrl')}`)
  for (const other of others) print(`  ${other.url}  ${dim('agent of')} ${plain(other.user)}`)
  print(`  ${control}  ${dim('control')}`)
  const writer = others[0]?.user ?? 'alice'
  print('')
  print(`Write as ${plain(writer)}:  ${dim(`curl -d '{"text": "hello"}' ${control}/sim/users/${encodeURIComponent(writer)}/says`)}`)
  print(`Read as ${plain(writer)}:   ${dim(`curl ${control}/sim/users/${encodeURIComponent(writer)}/inbox`)}`)
}
