import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chatMachine } from '../../machines/chat.ts'
import type { Commit } from '../../machines/records.ts'
import { type Action, DM_POLICIES, type Facts, GROUP_POLICIES } from '../../src/domain/decision.ts'
import { decide } from '../../src/domain/policy.ts'
import { chartOf, type Effect } from './kit.ts'
import { alice, message, received } from './words.ts'

const chat = chartOf(chatMachine, { chat: alice })

const plain = { noNullPrototype: true } as const
const gate = fc.option(fc.constantFrom('own_message', 'unsupported_content', 'history', 'too_old', 'future_dated'), { nil: null, freq: 4 })
const sender = fc.constantFrom('alice', 'Zoë', ' ')
const direct = fc.record(
  {
    kind: fc.constant('direct' as const),
    sender,
    policy: fc.constantFrom(...DM_POLICIES, 'friends'),
    listed: fc.boolean(),
    paired: fc.boolean(),
  },
  plain,
)
const group = fc.record(
  {
    kind: fc.constant('group' as const),
    sender,
    enabled: fc.boolean(),
    isCreator: fc.boolean(),
    membership: fc.constantFrom('member' as const, 'outsider' as const, 'unknown' as const),
    policy: fc.constantFrom(...GROUP_POLICIES, 'friends'),
    listed: fc.boolean(),
    requireMention: fc.boolean(),
    mentioned: fc.boolean(),
  },
  plain,
)
const facts: fc.Arbitrary<Facts> = fc.record({ gate, looping: fc.boolean(), conversation: fc.oneof(direct, group) }, plain)

const RECORD: Readonly<Record<Action, string>> = { process: 'message.accepted', pairing: 'message.held', ignore: 'message.ignored' }

test('whatever is known of a message, the chat asks for exactly one record: the one of the policy’s decision, with the decision and its facts', () => {
  const seen = new Set<Action>()
  fc.assert(
    fc.property(facts, known => {
      const decision = decide(known)
      seen.add(decision.action)
      const { effects } = chat.after(received('m1', known))
      const [{ params }] = effects as readonly [Effect]
      const { changes } = params as Commit
      const { id, sender: from, timeMs } = message('m1')

      expect(effects.map(({ type }) => type)).toEqual(['commit'])
      expect(changes).toEqual([
        {
          at: 'chat',
          chat: alice,
          event: {
            type: RECORD[decision.action],
            message: decision.action === 'ignore' ? { id, sender: from, timeMs } : message('m1'),
            facts: known,
            decision,
            liveAtMs: 1_000,
            ...(decision.action === 'pairing' ? { heldMax: 2 } : {}),
          },
        },
      ])
    }),
    { numRuns: 2_000, seed: 70_412 },
  )

  expect([...seen].sort()).toEqual(['ignore', 'pairing', 'process'])
})
