import { setTimeout as pause } from 'node:timers/promises'

const LOOK_EVERY_MS = 200

/** Asks again and again until `condition` holds; after `msMax` it fails with what was waited for and, if given, what there was instead. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | false> | T | false,
  msMax: number,
  instead?: () => Promise<string> | string,
): Promise<T> {
  const deadline = performance.now() + msMax
  for (;;) {
    const found = await condition()
    if (found !== false) return found
    if (performance.now() > deadline) throw new Error(`Waited ${msMax / 1_000} s until ${what}. ${(await instead?.()) ?? ''}`)
    await pause(LOOK_EVERY_MS)
  }
}
