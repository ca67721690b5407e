import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { openEngine, openFolder } from '../kit/stage.ts'

const WANTED: Readonly<Record<number, number>> = { 10: 1_500, 100: 6_000, 1000: 10_000 }

export const durable: Scenario = {
  name: 'durable',
  title: 'charts, journal and disk alone, in batches',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const engine = openEngine(defer)
      const seconds = size === 'full' ? 4 : 0.1
      const rows: Row[] = []
      for (const until of ['message.accepted', 'reply.sent'] as const) {
        for (const batch of size === 'full' ? [10, 100, 1_000] : [10]) {
          const { perSecond, barePerSecond } = await engine.call('durable', await openFolder(defer), { batch, seconds, until })
          const what = until === 'reply.sent' ? 'accepted, answered, posted, confirmed: four durable steps' : 'accepted'
          rows.push({
            figure: `batches of ${batch.toLocaleString('en')}, ${what}`,
            value: perSecond,
            unit: 'msg/s',
            against: barePerSecond,
            ...(until === 'message.accepted' && { atLeast: WANTED[batch] ?? 0, isMain: true }),
          })
        }
      }
      return { rows }
    }),
}
