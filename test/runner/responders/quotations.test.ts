import { expect, test } from 'vitest'
import { withoutMessage } from '../../../src/runner/responders/request-body.ts'

test.each([
  ['a message as it is', 'cannot answer "my secret plan": no quota', 'my secret plan', 'cannot answer "[text]": no quota'],
  [
    'a message as JSON',
    String.raw`bad request {"text":"say \"open sesame now\" to the door"}`,
    'say "open sesame now" to the door',
    String.raw`bad request {"text":"say \[text]\[text]"}`,
  ],
  ['the end of a long message', `${'x'.repeat(50)} the end`, `begins, ${'x'.repeat(9_000)} the end`, '[text]'],
  ['a line of a message', 'failed at: the second line of it', 'one\nthe second line of it\nthree', 'failed at: [text]'],
  ['a message twice', 'hunter2 or hunter2?', 'hunter2', '[text] or [text]?'],
  ['nothing of the message', 'no quota left', 'my secret plan', 'no quota left'],
  ['a word that is also the message', 'no quota left', 'left', 'no quota left'],
  ['nothing', '', 'my secret plan', ''],
  ['the message is empty', 'no quota left', '', 'no quota left'],
])('a reason that quotes %s', (_, said, text, shown) => {
  expect(withoutMessage(said, { text, history: [] })).toBe(shown)
})

test('a reason that quotes what was said before the message', () => {
  const history = [{ sender: 'bob', timeMs: 1, text: 'the door code is 4711' }]
  expect(withoutMessage('no answer to "the door code is 4711"', { text: 'which code?', history })).toBe('no answer to "[text]"')
})
