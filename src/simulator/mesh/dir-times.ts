/** Timestamps in the names (`{ts}.json`) of each folder's message files, ascending. */
export class DirTimes {
  readonly #times = new Map<string, number[]>()

  add(path: string): void {
    const slash = path.lastIndexOf('/')
    if (!path.endsWith('.json')) return
    const time = Number.parseFloat(path.slice(slash + 1, -'.json'.length))
    if (Number.isNaN(time)) return
    const folder = path.slice(0, slash)
    const times = this.#times.get(folder)
    if (!times) this.#times.set(folder, [time])
    else if (times.at(-1)! < time) times.push(time)
    else if (!times.includes(time)) times.splice(firstAbove(times, time), 0, time)
  }

  of(folder: string): readonly number[] {
    return this.#times.get(folder) ?? []
  }
}

function firstAbove(times: readonly number[], time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! > time) high = middle
    else low = middle + 1
  }
  return low
}

/** The newest that is not in the future, or undefined. */
export const lastUpTo = (times: readonly number[], time: number): number | undefined => times[firstAbove(times, time) - 1]
