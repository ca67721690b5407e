/** So many at once; the others wait in line. */
export interface Gate {
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

export function createGate(width: number): Gate {
  const line: (() => void)[] = []
  let inside = 0
  return {
    async run(work) {
      if (inside >= width) await new Promise<void>(resolve => line.push(resolve))
      else inside += 1
      try {
        return await work()
      } finally {
        // The place goes to the next in line, or falls free.
        const next = line.shift()
        if (next) next()
        else inside -= 1
      }
    },
  }
}
