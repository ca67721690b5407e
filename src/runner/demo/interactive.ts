/** After the story the person at the terminal writes as alice. */
import { createInterface } from 'node:readline'
import { type ChatId, peerChat } from '../../domain/ids.ts'
import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { colours, print } from '../output.ts'
import { GROUP } from './conversation.ts'
import type { DecisionEvent, Narrator } from './narrator.ts'
import { BOT, type Stage } from './stage.ts'

const TEAM = /^\/team\s+/
/** Longer than any silence between two keystrokes: until somebody writes, no answer comes. */
const FOR_EVER_MS = 365 * 24 * 3_600_000

/** Resolves at Ctrl-C, Ctrl-D or `/quit`. */
export async function writeAsAlice(stage: Stage, narrator: Narrator): Promise<void> {
  const alice = stage.user('alice')
  const { bold, dim } = colours
  print('')
  print(`${bold('Now you are alice.')} Write to the bot, or to the group with ${bold('/team @bot …')}. ${dim('Ctrl-C ends.')}`)
  print('')
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: `${bold('    alice')}  ` })

  /** What comes while somebody types goes above the line being typed. */
  const above = (tell: () => void) => {
    if (isOver) return
    process.stdout.write('\r\x1b[K')
    tell()
    terminal.prompt(true)
  }
  let isOver = false
  let wroteAtMs = stage.now()

  const follow = async (chat: ChatId, to: string) => {
    while (!isOver) {
      const text = await stage.reply(alice, chat, FOR_EVER_MS)
      above(() => narrator.replied(to, text, stage.now() - wroteAtMs))
    }
  }
  const say = async (line: string) => {
    const isTeam = TEAM.test(line)
    const chat = isTeam ? GROUP : peerChat(BOT)
    const decidedIn = isTeam ? GROUP : peerChat('alice')
    // What the approval released, and what was written in the inspector page, has been decided in this chat, too.
    stage.forget()
    wroteAtMs = stage.now()
    await alice.says(isTeam ? line.replace(TEAM, '') : line, chat)
    const decision = await stage.event(
      'a decision',
      (event: RuntimeEvent): event is DecisionEvent => event.event === 'decision' && event.chat === decidedIn,
    )
    above(() => narrator.decided(decision, stage.now() - wroteAtMs))
  }

  /** One after the other: lines that are pasted come at once, and each has its own decision. */
  let said = Promise.resolve()
  terminal.on('line', line => {
    if (line.trim() === '/quit') return terminal.close()
    if (line.trim() === '') return terminal.prompt()
    said = said.then(() => say(line)).catch((error: Error) => above(() => print(colours.red(error.message))))
  })
  terminal.on('SIGINT', () => terminal.close())
  const over = new Promise<void>(resolve => terminal.once('close', resolve))
  void follow(peerChat(BOT), 'alice').catch(() => {})
  void follow(GROUP, 'team').catch(() => {})
  terminal.prompt()
  await over
  isOver = true
  print('')
}
