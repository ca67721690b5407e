import { describe, expect, test } from 'vitest'
import { createTranscripts, readTranscript } from '../../src/plugin/transcript.ts'
import { answer, question, takenUp } from './transcripts.ts'

describe('what a session has of our messages', () => {
  test.each<[string, readonly unknown[], readonly string[]]>([
    ['nothing yet', [question('m1')], []],
    ['an answer', [question('m1'), answer('r1')], ['m1']],
    ['an answer, after it was taken up again', [question('m1'), takenUp, answer('r2')], ['m1']],
    ['an answer, together with what was written meanwhile', [question('m1'), question('m2'), answer('r1')], ['m1', 'm2']],
    [
      'an answer of the same run as what was written after its first',
      [question('m1'), answer('r1'), question('m2'), answer('r1')],
      ['m1', 'm2'],
    ],
    ['an answer of its own', [question('m1'), answer('r1'), question('m2'), answer('r2')], ['m1']],
    ['a look at tools', [question('m1'), answer('r1', { stopReason: 'toolUse' })], []],
    ['a failure', [question('m1'), answer('r1', { stopReason: 'error' })], []],
    ['a turn that was stopped', [question('m1'), answer('r1', { stopReason: 'aborted' })], []],
    ['nothing, when it was asked again since', [question('m1'), answer('r1'), question('m1/1')], []],
    ['nothing, of another channel', [question('m1', 'telegram'), answer('r1')], []],
    ['nothing, of what is no message', [{ ...question('m1'), type: 'custom' }, answer('r1')], []],
    ['nothing, whatever else stands there', [null, 7, { type: 'message' }, { type: 'message', message: { role: 'user' } }], []],
  ])('%s', (_, entries, expected) => {
    expect(readTranscript(entries).answerTo('m1')?.to ?? []).toEqual(expected)
  })

  test('is answered when the last of the answer was written down', () => {
    const { answerTo } = readTranscript([question('m1'), answer('r1', { atMs: 5 }), question('m2'), answer('r1', { atMs: 7 })])
    expect([answerTo('m1')?.atMs, answerTo('m2')?.atMs, answerTo('m3')]).toEqual([7, 7, null])
  })

  test('is found by the id that the message has on the mesh, whichever time it was asked', () => {
    const { has } = readTranscript([question('m1'), question('m2/3')])
    expect(['m1', 'm2', 'm3'].map(has)).toEqual([true, true, false])
  })
})

test('the transcript is that of the session which stands under the key now', async () => {
  const asked: unknown[] = []
  const at = { agentId: 'main', sessionKey: 'agent:main:direct:alice' }
  const transcripts = (found: { sessionId: string } | undefined) =>
    createTranscripts({ getSessionEntry: () => found, patchSessionEntry: async () => null }, async session => {
      asked.push(session)
      return [question('m1')]
    })
  expect((await transcripts({ sessionId: 's2' }).of(at)).has('m1')).toBe(true)
  expect((await transcripts(undefined).of(at)).has('m1')).toBe(false)
  expect(asked).toEqual([{ ...at, sessionId: 's2' }])
})
