/** The command line: what there is. Commands load when they are called. */
import { Command, Option } from 'commander'
import { nameOnMesh, names, namesOnMesh, several, wholeCount, wholePort } from './option-values.ts'
import { inShort, plain } from './output.ts'
import { defaultStateDir, stateDirFault } from './state-dir.ts'
import { DEFAULT_CONFIG, type Place } from './typed.ts'
import { UsageError } from './usage-error.ts'
import { version } from './version.ts'

/** `begin` gets the options of the command that is called, `finish` its exit code. */
export function commandLine(finish: (code: number) => void, begin: (options: Place) => void = () => {}): Command {
  const program = new Command('ztm-chat')
    .description('Connects assistants and programs to ZTM Chat: a bot without a gateway, a simulated mesh, and tools around them.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(linesOf(text.replace(/^error: /, 'ztm-chat: '))) })
    .showHelpAfterError('Add --help to see what there is.')
    .showSuggestionAfterError()
    .addOption(new Option('--debug', 'show stacks of unexpected failures'))
    .hook('preAction', (_, called) => begin(called.opts()))

  const command = (parent: Command, name: string, description: string) =>
    parent
      .command(name)
      .description(description)
      .addOption(new Option('--debug', 'show stacks of unexpected failures'))
      .addOption(new Option('--json', 'JSON on standard output, one object a line').default(false, 'readable text'))
  const withConfig = (one: Command) => one.option('--config <file>', 'config of the bot: .json5, .json or .yaml', DEFAULT_CONFIG)
  const withStateDir = (one: Command) => one.option('--state-dir <dir>', 'where state is kept', defaultStateDir())
  const withAccount = (one: Command) => one.option('--account <id>', 'only this account')
  const withState = (one: Command, isLookedAt: (options: { readonly admin?: string }) => boolean = () => true) =>
    withStateDir(one).hook('preAction', () => {
      const fault = isLookedAt(one.opts()) ? stateDirFault(one.opts()['stateDir']) : null
      if (fault !== null) throw new UsageError(fault)
    })
  /** Of the bot of a config, running or not. */
  const ofBot = (one: Command) => withAccount(withState(withConfig(one)))
  /** Of a fleet, too. */
  const ofBots = (one: Command) =>
    withAccount(withState(withConfig(one), ({ admin }) => admin === undefined))
      .option('--admin <url>', 'of Restate: asks a fleet, and looks at no --state-dir')
      .option('--ingress <url>', 'of Restate, together with --admin')

  command(
    program,
    'demo',
    'A conversation on a simulated mesh, with an echo bot; on a terminal you may then write yourself, here or in the inspector page.',
  ).action(async options => finish(await (await import('./commands/demo.ts')).demo(options)))

  withState(
    withConfig(program.command('init').description('Asks for all that a bot needs, writes its config with comments, and starts it.')),
  )
    .addOption(new Option('--debug', 'show stacks of unexpected failures'))
    .action(async options => finish(await (await import('./commands/init.ts')).init(options)))

  withState(withConfig(command(program, 'run', 'Runs the bots of a config until Ctrl-C or SIGTERM.')))
    .option('--responder <responder>', 'who answers: echo, exec:COMMAND, http:URL or openai:URL', 'echo')
    .option('--model <name>', 'with openai: the model that answers')
    .option('--system <text>', 'with openai: what the model is told before each message')
    .option('--inspect [port]', 'serves the inspector page on this machine, and prints its address', wholePort)
    .addHelpText('after', RUN_HELP)
    .action(async options => finish(await (await import('./commands/run.ts')).run(options)))

  const withListen = (one: Command, port: number) =>
    one
      .option('--listen <place>', 'HOST:PORT of this process; port 0 takes a free one', `127.0.0.1:${port}`)
      .option('--advertise <place>', 'HOST:PORT by which the others reach it, when that is another')
  withListen(withConfig(command(program, 'serve', 'Serves the charts of a fleet of bots to Restate, until Ctrl-C or SIGTERM.')), 9080)
    .addOption(new Option('--engine <engine>', 'what keeps the state').choices(['restate']).default('restate'))
    .option('--admin <url>', 'of Restate: it is told of this process')
    .addOption(new Option('--reuse-port', 'other processes listen there, too').default(false, 'alone'))
    .option('--responder <responder>', 'who answers, as of "run"', 'echo')
    .option('--model <name>', 'with openai: the model that answers')
    .option('--system <text>', 'with openai: what the model is told before each message')
    .addHelpText('after', CLUSTER_HELP)
    .action(async options => finish(await (await import('./commands/serve.ts')).serve(options)))
  withListen(
    withConfig(command(program, 'feed', 'Reads the meshes of a fleet of bots, and posts for them, until Ctrl-C or SIGTERM.')),
    9090,
  )
    .option('--ingress <url>', 'of Restate', 'http://127.0.0.1:8080')
    .addHelpText('after', CLUSTER_HELP)
    .action(async options => finish(await (await import('./commands/feed.ts')).feed(options)))

  const fleet = program.command('fleet').description('A fleet of bots that Restate keeps the state of.')
  for (const [name, description] of [
    ['import', 'Moves the state of a stopped bot into a fleet, which goes on from there.'],
    ['export', 'Moves the state of accounts that no feeder has out of a fleet, into a folder from which "run" goes on.'],
  ] as const) {
    ofBot(command(fleet, name, description))
      .option('--ingress <url>', 'of Restate', 'http://127.0.0.1:8080')
      .option('--admin <url>', 'of Restate', 'http://127.0.0.1:9070')
      .addHelpText('after', MOVE_HELP)
      .action(async options => finish(await (await import('./commands/fleet-move.ts')).moveState(name, options)))
  }

  withAccount(withConfig(command(program, 'inspect', 'Serves the inspector page of a fleet on this machine, until Ctrl-C or SIGTERM.')))
    .option('--admin <url>', 'of Restate')
    .option('--ingress <url>', 'of Restate, together with --admin')
    .option('--port <port>', 'of the page; a free one when it is left out', wholePort)
    .addHelpText('after', INSPECT_HELP)
    .action(async options => finish(await (await import('./commands/inspect.ts')).inspectFleet(options)))

  command(program, 'agent', 'Serves the ZTM agent of a bot on a simulated mesh over HTTP, for tests.')
    .option('--port <port>', 'of the bot’s agent; the users’ agents and the control follow it; 0 takes free ones', wholePort, 7777)
    .option('--bot <name>', 'the bot user', nameOnMesh, 'openclaw-bot')
    .option('--mesh <name>', 'the mesh', nameOnMesh, 'demo-mesh')
    .addOption(new Option('--users <names>', 'other users with an agent of their own').argParser(namesOnMesh).default(['alice'], 'alice'))
    .addOption(new Option('--real', 'delays and oddities of a real mesh').default(false, 'a calm one'))
    .addHelpText('after', AGENT_HELP)
    .action(async options => finish(await (await import('./commands/agent.ts')).agent(options)))

  const pairing = program.command('pairing').description('Strangers who asked to be let in, and those who were.')
  ofBots(command(pairing, 'list', 'Shows the pending requests.')).action(async options =>
    finish(await (await import('./commands/pairing.ts')).listPairings(options)),
  )
  for (const [name, description] of [
    ['approve', 'Lets in whoever has this code, for good; what they wrote is answered.'],
    ['reject', 'Turns down whoever has this code; what they wrote stays unanswered.'],
  ] as const) {
    ofBots(command(pairing, name, description))
      .argument('<code>', 'that the stranger got; "pairing list" shows it, too')
      .action(async (code, options) => finish(await (await import('./commands/pairing.ts')).endPairing(name, code, options)))
  }

  ofBots(command(pairing, 'revoke', 'Takes an approval back: the user is a stranger again, and gets a code for the next message.'))
    .argument('<user>', 'as the mesh writes the name; "users" shows who is approved')
    .action(async (user, options) => finish(await (await import('./commands/pairing.ts')).revokePairing(user, options)))

  const deadletter = program
    .command('deadletter')
    .description('Dead letters: messages and replies that were given up after their last attempt, and are kept for you.')
  ofBots(command(deadletter, 'list', 'Shows what was given up, when and why.')).action(async options =>
    finish(await (await import('./commands/deadletter.ts')).listLetters(options)),
  )
  for (const [name, description] of [
    ['retry', 'Tries a dead letter again, or all of them: under the same id, with all attempts anew, and one answer.'],
    ['drop', 'Gives up a dead letter for good, or all of them: nobody gets an answer to it any more.'],
  ] as const) {
    ofBots(command(deadletter, name, description))
      .argument('[id]', 'of the dead letter, whole, as "deadletter list" shows it')
      .option('--all', 'all of them, in place of one id', false)
      .action(async (id, options) => finish(await (await import('./commands/deadletter.ts')).endLetters(name, id, options)))
  }

  ofBots(command(program, 'send', 'Sends a message as the bot; done when it is recorded durably.'))
    .argument('[text]', 'of the message; may be left out with --file')
    .requiredOption('--to <name>', 'a user on the mesh, or group:CREATOR/GROUP')
    .option('--file <path>', 'a file to go with it, put on the mesh at once; may be given up to ten times', several)
    .option('--key <key>', 'the same key again is the same message, and not sent twice')
    .action(async (text, options) => finish(await (await import('./commands/send.ts')).send(text, options)))

  ofBots(command(program, 'explain', 'Tells why a message was answered or not, and what became of it.'))
    .argument('[id]', 'of the message, or how it begins')
    .option('--chat <name>', 'messages of this user or group:CREATOR/GROUP, instead of one id')
    .option('--last <n>', 'how many of the chat, the newest', wholeCount, 5)
    .action(async (id, options) => finish(await (await import('./commands/explain.ts')).explainMessage(id, options)))

  ofBot(command(program, 'replay', 'Runs the journal of a stopped bot through the charts again, up to a moment.'))
    .option('--until <moment>', 'a time, or the number of a record', undefined)
    .option('--chat <name>', 'only this user or group:CREATOR/GROUP')
    .addHelpText('after', REPLAY_HELP)
    .action(async options => finish(await (await import('./commands/replay.ts')).replay(options)))

  ofBots(command(program, 'status', 'Shows how the accounts are, running or not.')).action(async options =>
    finish(await (await import('./commands/status.ts')).status(options)),
  )

  ofBots(command(program, 'chats', 'Shows the conversations of a bot, the newest first, running or not.'))
    .option('--last <n>', 'how many, the newest', wholeCount, 100)
    .action(async options => finish(await (await import('./commands/chats.ts')).chats(options)))

  ofBots(command(program, 'users', 'Shows who is on the mesh or has written, and whom the bot answers.')).action(async options =>
    finish(await (await import('./commands/users.ts')).users(options)),
  )

  ofBots(command(program, 'groups', 'Shows the groups of a bot, and whom it answers there.')).action(async options =>
    finish(await (await import('./commands/groups.ts')).groups(options)),
  )

  withState(command(program, 'backup', 'Copies the state of a bot, running or not, so that it can be put back.'))
    .argument('<folder>', 'that is made for the copy')
    .action(async (folder, options) => finish(await (await import('./commands/backup.ts')).backup(folder, options)))

  const doctor = command(
    program,
    'doctor',
    'Looks for all that can be wrong with a bot, running or not, and says what to do. Changes nothing.',
  )
  // A state directory that cannot be used is one of the things to be found.
  withAccount(withStateDir(withConfig(doctor)))
    .addHelpText('after', DOCTOR_HELP)
    .action(async options => finish(await (await import('./commands/doctor.ts')).doctor(options)))

  command(program, 'simulate', 'Runs the whole runtime on a simulated mesh with faults, in virtual time, and checks what the users find.')
    .option('--seeds <n>', 'how many runs', wholeCount, 100)
    .option('--from <n>', 'the first seed', wholeCount, 1)
    .option('--threads <n>', 'how many at once (default: one for each core)', wholeCount)
    .addOption(
      new Option('--seed <n>', 'only this one, with its trace; the same seed gives the same trace')
        .argParser(wholeCount)
        .conflicts(['seeds', 'from', 'threads']),
    )
    .option('--steps <n>', 'with --seed: end its storm of faults after so many steps', wholeCount)
    .option('--faults <names>', 'with --seed: leave out all other faults', names)
    .addOption(new Option('--real', 'delays, losses and oddities of a real mesh').default(false, 'a calm one'))
    .action(async options => finish(await (await import('./commands/simulate.ts')).simulate(options)))

  command(program, 'statecharts', 'Draws the statecharts of machines/: SVG pictures, Mermaid diagrams, JSON for Stately Studio.')
    .option('--out <dir>', 'where the drawings are', 'statecharts')
    .addOption(new Option('--check', 'draw nothing; fail when a drawing is stale').default(false, 'draw'))
    .action(async options => finish(await (await import('./commands/statecharts.ts')).statecharts(options)))

  return program
}

/** What was typed stands in it. */
const linesOf = (text: string): string =>
  text
    .split('\n')
    .map(line => plain(inShort(line)))
    .join('\n')

const RUN_HELP = `
Responders:
  echo            answers "echo: TEXT"
  exec:COMMAND    runs COMMAND for each message: the request as JSON on its standard input, the answer on its standard output
  http:URL        POSTs the request as JSON with the header Idempotency-Key; the answer is a text/plain body, or {"text": …} or {"reply": …}
  openai:URL      asks --model behind a chat completions API, such as openai:https://api.openai.com/v1, with the key in the environment variable
                  ZTM_CHAT_OPENAI_KEY if it is set. Each message is a conversation of its own: the model knows nothing of earlier ones

All else (agent, mesh, who may write, feed, limits) is in the config; "ztm-chat init" writes one.
`

const CLUSTER_HELP = `
A fleet is one or more of "serve", which need no ZTM agent, and one or more of "feed", which reach the agents; all with the same config, and the
same secret in the environment variable ZTM_CHAT_CLUSTER_SECRET. Whichever of them dies, the others go on. It needs a Restate server, and its SDK:
npm install @restatedev/restate-sdk
`

const MOVE_HELP = `
Nothing is answered twice, and nothing is lost: whichever side has given its state away does nothing with it any more. What breaks off is done again
with the same command. Services have to run meanwhile; for an export, feeders have to be stopped, or to be without the account.
`

const INSPECT_HELP = `
It wants the config and the secret (ZTM_CHAT_CLUSTER_SECRET) of the fleet, and to reach its feeders. While nobody has the page open, nobody is asked
for anything. A bot alone has the same page: "ztm-chat run --inspect".
`

const DOCTOR_HELP = `
Exit code 0: there is no problem, though there may be warnings; 1: there is one. With --json each line is a finding: level (ok, warning, problem, or
unknown where it could not be looked at), check, account, message, remedy.
`

const REPLAY_HELP = `
Nothing is sent, and nothing is changed. With --json each account is one object with everything that was kept at that moment.
`

const AGENT_HELP = `
The control (its URL is printed) does what the people on the mesh would do; a real agent has no such routes:
  POST /sim/users/NAME/says      {"text": …, "to": "peer:BOT"}  or {"message": any JSON, "to": "group:CREATOR/GROUP"}; NAME is made when new
  GET  /sim/users/NAME/inbox     ?chat=peer:BOT, what NAME sees in a chat
  POST /sim/users/NAME/groups/G  {"name": …, "members": […]} makes or changes a group of NAME's
  POST /sim/users/NAME/agent     {"do": "down" | "up" | "restart"} to the agent of NAME, or {"do": "fault", "fault": F, "times": N}:
                                 the next N answers are F: error500, garbage, empty, html, hang, or lostAnswer (done, but unanswered)
`
