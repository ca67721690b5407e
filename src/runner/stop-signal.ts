/** Resolves with the first SIGINT, SIGTERM or SIGHUP, or when nobody reads the output any more. A second signal ends the process at once. */
import { constants } from 'node:os'
import { outputClosed } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function untilStopped(abandon: () => void = () => {}): Promise<(typeof SIGNALS)[number] | 'output closed'> {
  return new Promise(resolve => {
    let wasAsked = false
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (wasAsked) {
          abandon()
          process.exit(128 + constants.signals[signal])
        }
        wasAsked = true
        resolve(signal)
      })
    }
    outputClosed.addEventListener('abort', () => resolve('output closed'), { once: true })
    if (outputClosed.aborted) resolve('output closed')
  })
}
