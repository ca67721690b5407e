/** What the users of a run write, and what the owner of the bot does. */
import type { ChatId } from '../domain/ids.ts'
import type { Random } from '../ports/random.ts'
import type { Dice } from './faults.ts'
import { userName } from './swarm.ts'
import type { World } from './world.ts'

/** Beginnings of group texts that speak to the bot, and others that only look like it. What follows them is ` q7 …`. */
export const meantTexts: ReadonlySet<string> = new Set(['@my-bot', '@My-Bot,', 'hey ＠my-bot', '你好@my-bot', '@my-bot你好'])
const OTHER_TEXTS = ['hello', '@my-bot2', 'x@my-bot', '@@my-bot', '@my-bot-x', 'mail@my-bot.org', '@somebody']

export const GROUP: ChatId = `group:${userName(0)}/team`

export interface Workload {
  /** Somebody writes something somewhere. */
  step(): Promise<void>
  /** Everybody who has written to the bot directly. */
  readonly writers: ReadonlySet<string>
  readonly messages: () => number
}

const STRANGERS_AT_ONCE = 5
const FLOOD = 8

export function createWorkload(random: Random, dice: Dice, world: World, users: number, say: (line: string) => void): Workload {
  const writers = new Set<string>()
  let messages = 0
  let strangers = 0
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)]!
  const nextText = () => `q${++messages} ${'words '.repeat(random.integer(4))}.`

  const write = async (name: string, text: string, chat?: ChatId) => {
    say(`${name} writes ${JSON.stringify(text)}${chat ? ' in the group' : ''}`)
    if (!chat) writers.add(name)
    // A chat app that has not heard of the group, or has no hub, refuses; what reached the mesh counts.
    await world.mesh
      .user(name)
      .says(text, chat)
      .catch((error: Error) => say(error.message))
  }
  const anybody = () => userName(random.integer(users))

  const steps: readonly [weight: number, run: () => Promise<void>][] = [
    [10, () => write(anybody(), nextText())],
    [4, () => write(anybody(), `${pick(random.unit() < 0.6 ? [...meantTexts] : OTHER_TEXTS)} ${nextText()}`, GROUP)],
    [
      1,
      async () => {
        dice.note('same text twice')
        const [name, text] = [anybody(), nextText()]
        await write(name, text)
        await write(name, text)
      },
    ],
    [
      0.9,
      async () => {
        dice.note('flood of one sender')
        const name = anybody()
        for (let left = 3 + random.integer(FLOOD); left > 0; left--) await write(name, nextText())
      },
    ],
    [
      1.6,
      async () => {
        dice.note('strangers at once')
        for (let left = 1 + random.integer(STRANGERS_AT_ONCE); left > 0; left--) await write(`stranger${strangers++}`, nextText())
      },
    ],
  ]
  const total = steps.reduce((sum, [weight]) => sum + weight, 0)

  return {
    async step() {
      let at = random.unit() * total
      for (const [weight, run] of steps) {
        at -= weight
        if (at < 0) return run()
      }
    },
    writers,
    messages: () => messages,
  }
}
