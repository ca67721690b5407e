/** What people on the mesh wrote and what they found: the only thing that counts after any trouble. */

/** One message that is to be answered, in the order in which its writer wrote it. */
export type Written = { readonly chat: string; readonly user: string; readonly text: string; readonly answers: readonly string[] }

/** Each violation in one sentence. */
export type View = {
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  readonly outOfOrder: readonly string[]
  /** An answer to nothing, or made of the parts of two. */
  readonly foreign: readonly string[]
}

export const ALL_IS_WELL: View = { lost: [], doubled: [], outOfOrder: [], foreign: [] }

/**
 * `found`: what the bot wrote in each chat, in the order of its users' chat apps. Answers end with the number of the ask, as in
 * "re: hello (2)": all parts of one must come from the same ask. Answers to different people in one group may come in any order.
 */
export function lookAt(written: readonly Written[], found: (chat: string) => readonly string[]): View {
  const view = { lost: [] as string[], doubled: [] as string[], outOfOrder: [] as string[], foreign: [] as string[] }
  for (const [chat, messages] of Map.groupBy(written, ({ chat }) => chat)) {
    const places = new Map<string, number[]>()
    const asks = new Map<string, string>()
    for (const [place, text] of found(chat).entries()) {
      const [, answer = text, ask = ''] = /^(.*) \((\d+)\)$/s.exec(text) ?? []
      places.set(answer, [...(places.get(answer) ?? []), place])
      asks.set(answer, ask)
    }
    const expected = new Set(messages.flatMap(({ answers }) => answers))
    for (const [answer, at] of places) {
      if (!expected.has(answer)) view.foreign.push(`${chat}: ${JSON.stringify(answer)} answers nothing`)
      else if (at.length > 1) view.doubled.push(`${chat}: ${JSON.stringify(answer)} came ${at.length} times`)
    }
    for (const [user, own] of Map.groupBy(messages, ({ user }) => user)) {
      let before = { place: -1, answer: 'nothing' }
      for (const { text, answers } of own) {
        if (new Set(answers.flatMap(answer => asks.get(answer) ?? [])).size > 1)
          view.foreign.push(`${chat}: the answer to ${JSON.stringify(text)} of ${user} is made of several asks`)
        for (const answer of answers) {
          const place = places.get(answer)?.[0]
          if (place === undefined) {
            view.lost.push(`${chat}: ${JSON.stringify(answer)} for ${user} is missing`)
            continue
          }
          if (place < before.place) view.outOfOrder.push(`${chat}: ${JSON.stringify(answer)} came before ${JSON.stringify(before.answer)}`)
          before = { place, answer }
        }
      }
    }
  }
  return view
}
