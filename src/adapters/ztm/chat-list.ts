import { z } from 'zod'
import { groupChat, peerChat } from '../../domain/ids.ts'
import type { ChatSummary } from '../../ports/ztm-agent.ts'
import { type OnOddity, rawMessage, readEach, readList } from './answers.ts'
import type { Answer } from './exchange.ts'
import { faultOf } from './names.ts'

const name = z.string().check(context => {
  const fault = faultOf(context.value)
  if (fault) context.issues.push({ code: 'custom', input: context.value, message: `the name ${fault}` })
})

/**
 * `time` and `updated` are hints that a peer can spoil: `time` is the largest "time" that somebody wrote into a message file,
 * whatever its type. A spoilt hint must not hide a group from its other members, so it says "look here".
 */
const hints = {
  time: z.number().nonnegative().catch(0),
  updated: z.number().nonnegative().catch(1),
  latest: z.unknown().optional(),
}

const chatEntry = z
  .union(
    [
      z.object({ peer: name, ...hints }).transform(entry => ({ ...entry, chat: peerChat(entry.peer), title: undefined })),
      z
        .object({ creator: name, group: name, name: z.unknown().optional(), ...hints })
        .transform(entry => ({ ...entry, chat: groupChat(entry.creator, entry.group), title: entry.name })),
    ],
    { error: 'expected a peer, or a creator and a group, with names that can be asked for' },
  )
  .transform(
    ({ chat, title, time, updated, latest }): ChatSummary => ({
      chat,
      ...(typeof title === 'string' && { name: title }),
      time,
      updated,
      ...(latest !== undefined && latest !== null && { latest: rawMessage(latest) }),
    }),
  )

/** A chat that cannot be asked for, since its name is unsafe, is left out as well: nobody could act on it. */
export const readChats = (answer: Answer, onOddity: OnOddity): ChatSummary[] => readList(answer, chatEntry, onOddity)
export const readEachChat = (answer: Answer, onOddity: OnOddity, take: (summary: ChatSummary) => void): void =>
  readEach(answer, chatEntry, onOddity, take)
