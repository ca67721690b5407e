import { expect, test } from 'vitest'
import { ALL_IS_WELL, lookAt, type Written } from './users-view.ts'

const asked = (user: string, text: string, ...answers: string[]): Written => ({ chat: 'peer:alice', user, text, answers })
const WRITTEN = [asked('alice', 'one', 'a', 'b'), asked('alice', 'two', 'c')]

test.each([
  ['nothing to say', ['a (1)', 'b (1)', 'c (1)'], ALL_IS_WELL],
  ['a part that is missing', ['a (1)', 'c (1)'], { lost: ['peer:alice: "b" for alice is missing'] }],
  ['a whole answer that is missing', ['a (1)', 'b (1)'], { lost: ['peer:alice: "c" for alice is missing'] }],
  ['a part that came twice', ['a (1)', 'b (1)', 'a (1)', 'c (1)'], { doubled: ['peer:alice: "a" came 2 times'] }],
  ['parts in another order', ['b (1)', 'a (1)', 'c (1)'], { outOfOrder: ['peer:alice: "b" came before "a"'] }],
  ['answers in another order', ['c (1)', 'a (1)', 'b (1)'], { outOfOrder: ['peer:alice: "c" came before "b"'] }],
  ['a text that answers nothing', ['a (1)', 'b (1)', 'c (1)', 'd (1)'], { foreign: ['peer:alice: "d" answers nothing'] }],
  ['parts of two asks', ['a (1)', 'b (2)', 'c (1)'], { foreign: ['peer:alice: the answer to "one" of alice is made of several asks'] }],
])('the view of the users: %s', (_, found, expected) => {
  expect(lookAt(WRITTEN, () => found)).toEqual({ ...ALL_IS_WELL, ...expected })
})

test('the view of the users: answers to different people of one group may come in any order', () => {
  expect(lookAt([asked('alice', 'one', 'a'), asked('bob', 'two', 'b')], () => ['b (1)', 'a (1)'])).toEqual(ALL_IS_WELL)
})
