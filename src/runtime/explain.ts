/** Why messages were answered or not: from the history, and where it does not reach, from what each chat still knows. */
import type { Store } from '../ports/store.ts'
import { createLifeReader, type Life, type Wanted } from './life.ts'
import { parseChange } from './parse-record.ts'
import type { Registry } from './registry.ts'

export async function explainFrom(
  store: Pick<Store, 'history'>,
  registry: Pick<Registry, 'chats'>,
  wanted: Wanted,
): Promise<readonly Life[]> {
  const reader = createLifeReader(wanted)
  for await (const { atMs, changes } of store.history()) {
    for (const raw of changes) {
      const change = parseChange(raw)
      if (change) reader.read(change, atMs)
    }
  }
  const lives = reader.lives()
  const known = new Set(lives.map(({ id }) => id))
  const remembered = rememberedBy(registry, wanted).filter(({ id }) => !known.has(id))
  return 'last' in wanted ? [...remembered, ...lives].slice(-wanted.last) : [...remembered, ...lives]
}

function rememberedBy({ chats }: Pick<Registry, 'chats'>, wanted: Wanted): readonly Life[] {
  const found: Life[] = []
  for (const chat of chats.keys()) {
    if ('chat' in wanted && chat !== wanted.chat) continue
    for (const { id, sender, atMs, action, reason, detail } of chats.stored(chat)?.decisions ?? []) {
      if ('id' in wanted && !id.startsWith(wanted.id)) continue
      const what = action === 'process' ? 'accepted' : action === 'pairing' ? 'held' : 'ignored'
      found.push({
        id,
        chat,
        sender,
        timeMs: null,
        text: null,
        decision: { action, reason, detail },
        explanation: null,
        moments: [{ atMs, what }],
      })
    }
  }
  return found
}
