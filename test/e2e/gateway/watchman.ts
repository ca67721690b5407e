/**
 * Ends a gateway when whoever watches over it has gone, however that went: a killed test run must leave no process and no home behind.
 * Reads `pid N` (0: none) and `drop FOLDER` from its standard input; acts when that ends.
 */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

let pid: number | null = null
const folders: string[] = []

const isAlive = (of: number): boolean => {
  try {
    process.kill(of, 0)
    return true
  } catch {
    return false
  }
}

// A signal to the whole group, such as Ctrl-C, is not for it: it ends last.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [word, value = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
  if (word === 'pid') pid = Number(value) || null
  if (word === 'drop') folders.push(value)
}
if (pid !== null) {
  const gateway = pid
  if (isAlive(gateway)) process.kill(gateway, 'SIGKILL')
  while (isAlive(gateway)) await pause(50)
}
for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
