/** The demo's story: a stranger, an approval, a mention, and a message that is none of the bot's business. */
import { setTimeout as pause } from 'node:timers/promises'
import { type ChatId, groupChat, peerChat } from '../../domain/ids.ts'
import type { RuntimeEvent } from '../../runtime/runtime.ts'
import { askRunner } from '../control/client.ts'
import type { DecisionEvent, Narrator } from './narrator.ts'
import { BOT, type Stage } from './stage.ts'

export const GROUP = groupChat('bob', 'team')

/** Between scenes, where somebody reads along. */
const BREATH_MS = 700

const isDecisionIn =
  (chat: ChatId) =>
  (event: RuntimeEvent): event is DecisionEvent =>
    event.event === 'decision' && event.chat === chat

export async function tellStory(stage: Stage, narrator: Narrator, isRead: boolean): Promise<void> {
  const breathe = () => (isRead ? pause(BREATH_MS) : Promise.resolve())
  const alice = stage.user('alice')
  const bob = stage.user('bob')
  const direct = peerChat(BOT)
  await bob.creates('team', { name: 'Team', members: ['bob', 'alice', BOT] })
  narrator.opening(stage.url, stage.inspectorUrl)
  await stage.event('the bot to be live', (event): event is RuntimeEvent => event.event === 'live')

  const write = async (who: typeof alice, chat: ChatId, text: string): Promise<number> => {
    narrator.wrote(who.name, chat === GROUP ? 'team' : null, text)
    const atMs = stage.now()
    await who.says(text, chat)
    const decision = await stage.event('a decision', isDecisionIn(chat === GROUP ? GROUP : peerChat(who.name)))
    narrator.decided(decision, stage.now() - atMs)
    return atMs
  }

  narrator.scene('A stranger writes, and gets a code')
  const askedAtMs = await write(alice, direct, 'Hello! Are you there?')
  narrator.replied('alice', await stage.reply(alice, direct), stage.now() - askedAtMs)
  await breathe()

  narrator.scene('The owner lets alice in, and what she wrote is answered')
  const [pending] = (await askRunner(stage.stateDir, { do: 'pairing.list', account: null })) ?? []
  if (!pending) throw new Error('the demo found no pairing request')
  const approvedAtMs = stage.now()
  await askRunner(stage.stateDir, { do: 'pairing.approve', account: null, code: pending.code })
  narrator.ran(`ztm-chat pairing approve ${pending.code}`, 'alice is approved; what they wrote is answered now.')
  for (let part = 0; part < 2; part++) narrator.replied('alice', await stage.reply(alice, direct), stage.now() - approvedAtMs)
  await breathe()

  narrator.scene('In a group, the bot answers who mentions it')
  const mentionedAtMs = await write(bob, GROUP, `@${BOT} does the build pass?`)
  narrator.replied('team', await stage.reply(bob, GROUP), stage.now() - mentionedAtMs)
  await breathe()

  narrator.scene('What is not meant for it, it leaves alone')
  await write(bob, GROUP, 'Lunch, anyone?')
  await breathe()
}
