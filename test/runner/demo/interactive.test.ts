import { describe, expect, test } from 'vitest'
import { onTerminal } from '../terminal.ts'

describe('the demo on a terminal', { timeout: 30_000 }, () => {
  test('shows for each line that is written as alice the decision about that line', async () => {
    const terminal = onTerminal(['demo'])
    await terminal.shows('Now you are alice.')

    // Pasted: both lines are there before the first is decided about.
    terminal.press('hello again\r/team lunch?\r')
    // They are of two chats: either may be decided first.
    await terminal.shows('decision  ')
    await terminal.shows('decision  ')
    terminal.press('one more\r')
    await terminal.shows('decision  process ·')
    await terminal.shows('echo: one more')
    terminal.press('\x03')

    expect(await terminal.ended).toBe(0)
    const written = terminal.screen().split('Now you are alice.')[1]?.replace(/\s+/g, ' ')
    expect(written?.match(/decision \w+ ·/g)?.toSorted()).toEqual(['decision ignore ·', 'decision process ·', 'decision process ·'])
    // What the approval of the story released was "approved by pairing", without a name.
    expect(written?.match(/[^ ]+ approved by pairing/g)).toEqual(['was approved by pairing', 'was approved by pairing'])
  })
})
