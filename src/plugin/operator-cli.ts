/** `openclaw ztm-chat …`: asks the running gateway, and shows what the runner's own commands show. */
import { callGatewayFromCli } from 'openclaw/plugin-sdk/gateway-runtime'
import { z } from 'zod'
import { showLetters } from '../runner/commands/deadletter.ts'
import { KEPT, nothingFor, type Remedies, showLives, wantedOf } from '../runner/commands/explain.ts'
import { showPairings } from '../runner/commands/pairing.ts'
import { describe } from '../runner/commands/status.ts'
import type { ControlResults, KeptLetter } from '../runner/control/protocol.ts'
import { plain, print, printJson } from '../runner/output.ts'
import type { CliCommand } from './host.ts'
import { CHANNEL_ID } from './names.ts'
import { CLI_COMMAND, methodOf, OPERATOR_METHODS, type OperatorRequest } from './operator-methods.ts'

type Shared = { readonly account?: string; readonly json?: boolean; readonly url?: string; readonly token?: string }

const answer = z.object({ result: z.unknown() })

async function ask<Name extends OperatorRequest>(request: Name, options: Shared, more: object = {}): Promise<ControlResults[Name]> {
  const { account, url, token } = options
  const gateway = { ...(url === undefined ? {} : { url }), ...(token === undefined ? {} : { token }), json: true }
  const params = { ...(account === undefined ? {} : { account }), ...more }
  const got = await callGatewayFromCli(methodOf(request), gateway, params, { progress: false, scopes: [OPERATOR_METHODS[request]] })
  return answer.parse(got).result as ControlResults[Name]
}

const shared = (command: CliCommand): CliCommand =>
  command
    .option('--account <id>', 'only this account')
    .option('--json', 'one JSON object a line')
    .option('--url <url>', 'another gateway than the configured one')
    .option('--token <token>', 'its token')

const REMEDIES: Remedies = {
  id: `${KEPT}, and --chat shows the newest of a chat`,
  chat: `"openclaw channels resolve --channel ${CHANNEL_ID} NAME" tells how a name is spelled`,
}

/** Hangs the commands below `ztm-chat` of the host's program. */
export function addOperatorCommands(program: CliCommand): void {
  const root = program.command(CLI_COMMAND.name).description(CLI_COMMAND.description)

  shared(root.command('status').description('how the accounts are')).action(async (options: Shared) => {
    const { accounts } = await ask('status', options)
    if (options.json) for (const account of accounts) printJson(account)
    else if (accounts.length === 0) print('No account of ztm-chat runs in the gateway; see "openclaw channels status --channel ztm-chat".')
    else for (const account of accounts) describe(account)
  })

  shared(
    root.command('pairing').description('strangers who wait, and how many of their messages are kept; approve with "openclaw pairing"'),
  ).action(async (options: Shared) => showPairings(await ask('pairing.list', options), options.json === true))

  shared(root.command('explain').description('why a message was answered or not, and what became of it'))
    .argument('[id]', 'of a message, or how it begins')
    .option('--chat <chat>', 'in place of an id: the newest messages of this chat, such as alice or group:alice/team')
    .option('--last <count>', 'how many of them (5)')
    .action(async (id: string | undefined, { chat, last = '5', ...options }: Shared & { chat?: string; last?: string }) => {
      const wanted = wantedOf(id, { last: Number(last), ...(chat === undefined ? {} : { chat }) }, `openclaw ${CHANNEL_ID}`)
      const found = await ask('explain', options, { wanted })
      if (found.length === 0) throw new Error(nothingFor(wanted, REMEDIES))
      showLives(found, options.json === true)
    })

  const deadletter = root.command('deadletter').description('messages and replies that were given up after their last attempt')
  shared(deadletter.command('list').description('those that there are')).action(async (options: Shared) =>
    showLetters(await ask('deadletter.list', options), options.json === true),
  )
  for (const how of ['retry', 'drop'] as const) {
    shared(deadletter.command(`${how} <id>`).description(how === 'retry' ? 'tries it again' : 'forgets it')).action(
      async (id: string, options: Shared) => {
        const settled: readonly KeptLetter[] = await ask(`deadletter.${how}`, options, { ids: [id] })
        if (settled.length === 0)
          throw new Error(`There is no dead letter ${plain(id)}; "openclaw ${CHANNEL_ID} deadletter list" shows them.`)
        for (const letter of settled) {
          if (options.json) printJson({ ...letter, state: how === 'retry' ? 'retried' : 'dropped' })
          else print(`The ${letter.kind} ${plain(id)} of ${plain(letter.chat)} is ${how === 'retry' ? 'tried again now' : 'dropped'}.`)
        }
      },
    )
  }
}
