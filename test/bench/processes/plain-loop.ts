/**
 * What a bot usually is: a loop that asks for the chats every second, fetches those with news, and answers from memory. No durability,
 * no policy, no order, no looking whether the answer arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { serve } from '../kit/child.ts'
import { MESH } from './names.ts'

const INTERVAL_MS = 1_000

let running = false
let ended: Promise<void> = Promise.resolve()

type Listed = { readonly peer?: string; readonly updated: number }
type Message = { readonly time: number; readonly sender: string; readonly message: { readonly text: string } }

async function loop(url: string, bot: string): Promise<void> {
  const dispatcher = new Agent()
  const base = `${url}/api/meshes/${MESH}/apps/ztm/chat/api`
  const since = new Map<string, number>()
  const get = async <Answer>(path: string): Promise<Answer> =>
    (await (await request(`${base}${path}`, { dispatcher })).body.json()) as Answer
  while (running) {
    for (const { peer, updated } of await get<readonly Listed[]>('/chats')) {
      if (peer === undefined || updated === 0) continue
      const path = `/peers/${encodeURIComponent(peer)}/messages`
      for (const { time, sender, message } of await get<readonly Message[]>(`${path}?since=${since.get(peer) ?? 0}`)) {
        if (sender === bot) continue
        since.set(peer, Math.max(time + 1, since.get(peer) ?? 0))
        const body = JSON.stringify({ text: `echo: ${message.text}` })
        const answer = await request(`${base}${path}`, {
          dispatcher,
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        })
        await answer.body.dump()
      }
    }
    await sleep(INTERVAL_MS)
  }
  await dispatcher.close()
}

export const handlers = {
  start(url: string, bot: string): void {
    running = true
    ended = loop(url, bot)
  },
  async stop(): Promise<void> {
    running = false
    await ended
  },
}

serve(handlers)
