import type { Scenario } from './kit/bench.ts'
import { accounts } from './scenarios/accounts.ts'
import { ofMany, ofOne } from './scenarios/bursts.ts'
import { chats, cost, idle } from './scenarios/chats.ts'
import { cluster } from './scenarios/cluster.ts'
import { durable } from './scenarios/durable.ts'
import { fairness } from './scenarios/fairness.ts'
import { inspected } from './scenarios/inspected.ts'
import { instant, real } from './scenarios/latency.ts'
import { replay } from './scenarios/replay.ts'
import { sizing } from './scenarios/sizing.ts'
import { steady } from './scenarios/steady.ts'
import { late, sustained } from './scenarios/sustained.ts'

export const scenarios: readonly Scenario[] = [
  instant,
  real,
  ofOne,
  ofMany,
  sustained,
  late,
  fairness,
  accounts,
  idle,
  chats,
  cost,
  replay,
  durable,
  steady,
  inspected,
  cluster,
  sizing,
]
