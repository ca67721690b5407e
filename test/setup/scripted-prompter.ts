import type { Prompter } from '../../src/setup/prompter.ts'

/** By a part of the question: the answer, or `undefined` to take what is offered. */
export type Script = readonly (readonly [question: string, answer: unknown])[]

/** Answers in the given order, and fails on a question that the script does not expect. */
export function scriptedPrompter(script: Script) {
  const rest = [...script]
  const told: string[] = []
  const answerTo = (message: string, offered: unknown): unknown => {
    const next = rest.shift()
    if (next === undefined || !message.includes(next[0])) throw new Error(`Not in the script: "${message}" (expected "${next?.[0]}")`)
    return next[1] === undefined ? offered : next[1]
  }
  const prompter: Prompter = {
    async note(message, title) {
      told.push(title === undefined ? message : `${title}: ${message}`)
    },
    async text({ message, initialValue = '', validate }) {
      for (;;) {
        const answer = String(answerTo(message, initialValue))
        const fault = validate?.(answer)
        if (fault === undefined) return answer
        told.push(fault)
      }
    },
    async select({ message, options, initialValue }) {
      const wanted = answerTo(message, initialValue ?? options[0]?.value)
      const chosen = options.find(option => option.value === wanted)
      if (chosen === undefined) throw new Error(`"${message}" has no choice ${String(wanted)}`)
      return chosen.value
    },
    async confirm({ message, initialValue = true }) {
      return answerTo(message, initialValue) === true
    },
    progress: () => ({ stop: message => told.push(message ?? '') }),
  }
  return { prompter, told, left: () => rest.map(([question]) => question) }
}
