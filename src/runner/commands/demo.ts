import { tellStory } from '../demo/conversation.ts'
import { writeAsAlice } from '../demo/interactive.ts'
import { createJsonNarrator, createTextNarrator } from '../demo/narrator.ts'
import { openStage } from '../demo/stage.ts'
import { isTerminal, print } from '../output.ts'
import { untilStopped } from '../stop-signal.ts'

/** A conversation on a simulated mesh. On a terminal the person then writes as alice; elsewhere it ends by itself. */
export async function demo({ json }: { readonly json: boolean }): Promise<number> {
  const narrator = json ? createJsonNarrator() : createTextNarrator()
  const mayWrite = isTerminal && !json
  const stopped = untilStopped()
  const stage = await openStage()
  try {
    const perform = async () => {
      await tellStory(stage, narrator, mayWrite)
      if (mayWrite) await writeAsAlice(stage, narrator)
      else narrator.closing('That was the demo. With a terminal you could now write yourself; your own bot: ztm-chat run --help')
    }
    await Promise.race([perform(), stopped])
    if (mayWrite) print('Goodbye. Your own bot: ztm-chat run --help')
    return 0
  } finally {
    await stage.close()
  }
}
