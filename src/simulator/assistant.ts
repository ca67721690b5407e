/** The assistant of a simulated world: slow, failing, hanging, or one that takes messages into its own custody. */
import { answeredBy, type ChatId, type MessageId } from '../domain/ids.ts'
import type { Responder } from '../ports/responder.ts'
import type { AccountHandle } from '../runtime/runtime.ts'
import type { Dice } from './faults.ts'
import type { World } from './world.ts'

export interface Assistant {
  readonly responder: Responder
  /** What it was asked, by message: the text that it saw. */
  readonly asked: ReadonlyMap<MessageId, string>
  /** Most messages that were with it at once. */
  readonly atOnceMax: () => number
  /** Messages whose every attempt fails are answered from now on. */
  forgive(): void
  /** Answers what it has in custody, through whatever account runs now. */
  deliver(account: AccountHandle): void
  /** Answers that are in custody and not taken over by an account yet. */
  owed(): number
  /** A process ends, and whatever was running in it. */
  died(): void
}

/** Longer than half of the longest part: no two fit in one, so that each paragraph is a part. */
const PARAGRAPH = ' '.padEnd(110, '.')
/** How many parts an answer has: each as often as it stands here. */
const PARTS = [1, 1, 1, 1, 2, 2, 3, 4] as const

/** `[id] part 1/3 ask 2`. Every asking gives another answer, so that no two of them can be mixed unseen. */
export const ANSWER = /^\[([0-9a-f]+)\] part (\d+)\/(\d+) ask (\d+)/

type Custody = {
  readonly chat: ChatId
  readonly text: string
  state: 'owed' | 'sending' | 'done'
  /** Resolves when an account has taken the answer over. */
  readonly over: Promise<void>
  readonly end: () => void
}

/** While there is a storm: that an adopted message is not answered yet, and that a process which ends takes it along. */
const LONG = 0.2
const LOST = 0.9

const deliveryKey = (id: MessageId) => `delivery-${id}`

export function createAssistant(dice: Dice, world: () => World): Assistant {
  const asks = new Map<MessageId, number>()
  const asked = new Map<MessageId, string>()
  const doomed = new Map<MessageId, boolean>()
  const custody = new Map<MessageId, Custody>()
  let atOnce = 0
  let atOnceMax = 0
  let isForgiving = false
  let life = 0

  const isHit = (rate: number): boolean => !isForgiving && dice.random('fate of adopted turns').unit() < rate

  const answerTo = (id: MessageId): string => {
    const ask = (asks.get(id) ?? 0) + 1
    asks.set(id, ask)
    const parts = PARTS[Number.parseInt(id.slice(0, 4), 16) % PARTS.length]!
    if (parts > 1) dice.note('answer of several parts')
    return Array.from({ length: parts }, (_, part) => `[${id}] part ${part + 1}/${parts} ask ${ask}${PARAGRAPH}`).join('\n\n')
  }
  const isDoomed = (id: MessageId): boolean => {
    const known = doomed.get(id)
    if (known !== undefined) return known && !isForgiving
    const drawn = dice.hits('dead turn')
    doomed.set(id, drawn)
    return drawn
  }

  /** It ends with the process that it runs in. */
  const lived = async (work: Promise<void>): Promise<void> => {
    const own = life
    await work
    if (own !== life) await new Promise(() => {})
  }

  const think: Responder['respond'] = async ({ messageId: id, chat, attempt }, turn) => {
    const before = custody.get(id)
    if (before) {
      await turn.adopted()
      await lived(before.over)
      return null
    }
    if (isDoomed(id)) throw new Error('the model does not like this one')
    const isLast = attempt >= 3
    if (!isLast && dice.hits('failing responder')) throw new Error('the model is away')
    if (!isLast && dice.hits('hanging responder')) return new Promise(() => {})
    if (dice.hits('slow responder'))
      await lived(new Promise<void>(resolve => world().clock.after(dice.random('slow responder').integer(20_000), resolve)))
    if (!dice.hits('adopting responder')) return answerTo(id)
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    custody.set(id, { chat, text: answerTo(id), state: 'owed', over, end })
    await turn.adopted()
    await lived(over)
    return null
  }

  return {
    responder: {
      async respond(request, turn, signal) {
        const own = life
        asked.set(request.messageId, request.text)
        atOnce += 1
        atOnceMax = Math.max(atOnceMax, atOnce)
        let isCounted = true
        const leave = () => {
          if (isCounted && own === life) atOnce -= 1
          isCounted = false
        }
        signal.addEventListener('abort', leave)
        const adopted = () => {
          leave()
          return turn.adopted()
        }
        try {
          return await think(request, { ...turn, adopted }, signal)
        } finally {
          leave()
        }
      },
      async reclaim({ chat, messageIds }) {
        const known = world().account.known(chat).map(answeredBy)
        const lost = messageIds.filter(id => !custody.has(id) && !known.includes(deliveryKey(id)))
        await lived(Promise.all(messageIds.map(id => custody.get(id)?.over)).then(() => {}))
        return lost
      },
    },
    asked,
    atOnceMax: () => atOnceMax,
    forgive() {
      isForgiving = true
    },
    deliver(account) {
      for (const [id, turn] of custody) {
        if (turn.state !== 'owed' || isHit(LONG)) continue
        const own = life
        turn.state = 'sending'
        account.send({ chat: turn.chat, text: turn.text, key: deliveryKey(id) }).then(
          () => {
            turn.state = 'done'
            turn.end()
          },
          () => {
            if (own === life) turn.state = 'owed'
          },
        )
      }
    },
    owed: () => [...custody.values()].filter(({ state }) => state !== 'done').length,
    died() {
      life += 1
      atOnce = 0
      for (const [id, turn] of custody) {
        if (turn.state === 'done') continue
        turn.state = 'owed'
        if (!isHit(LOST)) continue
        custody.delete(id)
        dice.note('adopted turn lost')
      }
    },
  }
}
