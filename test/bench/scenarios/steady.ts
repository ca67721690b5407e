import { DEFAULTS, type Row, type Scenario, using } from '../kit/bench.ts'
import { plotOf } from '../kit/plot.ts'
import { openEngine, openFolder } from '../kit/stage.ts'

const MEGABYTE = 1e6

export const steady: Scenario = {
  name: 'steady',
  title: 'memory and disk over 1,000,000 messages of 1,000 users',
  limits: DEFAULTS,
  run: size =>
    using(async defer => {
      const plan = size === 'full' ? { messages: 1_000_000, users: 1_000, samples: 50 } : { messages: 200, users: 10, samples: 2 }
      const samples = await openEngine(defer).call('steady', await openFolder(defer), plan)
      // Until each cursor holds all that it may, memory grows: what is asked is whether it goes on growing then.
      const half = samples.slice(Math.floor(samples.length / 2))
      const heaps = half.map(({ heapBytes }) => heapBytes / MEGABYTE)
      const rows: Row[] = [
        { figure: 'heap in the second half, least', value: Math.min(...heaps), unit: 'MB' },
        { figure: 'heap in the second half, most', value: Math.max(...heaps), unit: 'MB', isMain: true },
        {
          figure: 'state directory, most',
          value: Math.max(...samples.map(({ diskBytes }) => diskBytes)) / MEGABYTE,
          unit: 'MB',
          isMain: true,
        },
        { figure: 'state directory at the end', value: (samples.at(-1)?.diskBytes ?? 0) / MEGABYTE, unit: 'MB' },
      ]
      const plot = [
        plotOf(
          'heap, MB',
          samples.map(({ heapBytes }) => heapBytes / MEGABYTE),
        ),
        plotOf(
          'state directory, MB',
          samples.map(({ diskBytes }) => diskBytes / MEGABYTE),
        ),
      ].join('\n')
      return { rows, plot }
    }),
}
