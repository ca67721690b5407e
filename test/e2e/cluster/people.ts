/** People who write to the bots of a fleet all the time, and count what they get back. */
import { setTimeout as pause } from 'node:timers/promises'
import type { SimMesh } from '../../../src/simulator/mesh/mesh.ts'

export type Count = {
  readonly messages: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  /** Who got answers in another order than that of what they wrote. */
  readonly outOfOrder: readonly string[]
  /** Longest time until an answer, ms. */
  readonly longestMs: number
}

export interface People {
  /** Everybody writes, until it is ended. */
  write(): void
  /** Nobody writes any more. */
  rest(): Promise<void>
  /** Resolves when all that was written is answered; false when it is not by then. */
  answered(withinMs: number): Promise<boolean>
  /** What the oldest message that is not answered has waited, ms. */
  waitingMs(): number
  count(): Count
}

export type PeopleOptions = {
  readonly mesh: SimMesh
  /** Each has people of its own. */
  readonly bots: readonly string[]
  readonly each: number
  /** Between two messages of one person, ms. */
  readonly everyMs: number
}

const LOOK_EVERY_MS = 50

export function createPeople({ mesh, bots, each, everyMs }: PeopleOptions): People {
  const persons = bots.flatMap(bot => Array.from({ length: each }, (_, index) => ({ bot, name: `${bot}-friend-${index}` })))
  const written = new Map<string, { readonly text: string; readonly atMs: number }[]>(persons.map(({ name }) => [name, []]))
  const answeredAtMs = new Map<string, number>()
  let isWriting = false
  let running: Promise<unknown> = Promise.resolve()
  let number = 0

  const answersTo = ({ bot, name }: { bot: string; name: string }): readonly string[] =>
    mesh
      .user(name)
      .inbox(`peer:${bot}`)
      .flatMap(({ sender, message }) =>
        sender === bot ? String((message as { readonly text?: unknown }).text).replace(/^echo: /, '') : [],
      )

  const open = (): readonly { readonly text: string; readonly atMs: number }[] =>
    persons.flatMap(person => {
      const answers = new Set(answersTo(person))
      return (written.get(person.name) ?? []).filter(({ text, atMs }) => {
        if (!answers.has(text)) return true
        if (!answeredAtMs.has(text)) answeredAtMs.set(text, performance.now() - atMs)
        return false
      })
    })

  const talk = async ({ bot, name }: { bot: string; name: string }, offsetMs: number) => {
    await pause(offsetMs)
    while (isWriting) {
      const text = `message ${++number} of ${name}`
      written.get(name)?.push({ text, atMs: performance.now() })
      await mesh.user(name).says(text, `peer:${bot}`)
      await pause(everyMs)
    }
  }

  return {
    write() {
      isWriting = true
      running = Promise.all(persons.map((person, index) => talk(person, (index * everyMs) / persons.length)))
    },
    async rest() {
      isWriting = false
      await running
    },
    async answered(withinMs) {
      for (const untilMs = performance.now() + withinMs; performance.now() < untilMs; await pause(LOOK_EVERY_MS))
        if (open().length === 0) return true
      return false
    },
    waitingMs: () => Math.max(0, ...open().map(({ atMs }) => performance.now() - atMs)),
    count() {
      const lost = open().map(({ text }) => text)
      const doubled: string[] = []
      const outOfOrder: string[] = []
      for (const person of persons) {
        const answers = answersTo(person)
        doubled.push(...answers.filter((text, index) => answers.indexOf(text) !== index))
        const wanted = (written.get(person.name) ?? []).map(({ text }) => text).filter(text => answers.includes(text))
        const got = answers.filter((text, index) => answers.indexOf(text) === index)
        if (wanted.join('\n') !== got.join('\n')) outOfOrder.push(person.name)
      }
      return {
        messages: [...written.values()].reduce((sum, texts) => sum + texts.length, 0),
        lost,
        doubled,
        outOfOrder,
        longestMs: Math.max(0, ...answeredAtMs.values()),
      }
    },
  }
}
