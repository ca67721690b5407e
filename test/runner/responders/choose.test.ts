import { expect, test } from 'vitest'
import { chooseResponder } from '../../../src/runner/responders/choose.ts'
import { echoResponder } from '../../../src/runner/responders/echo.ts'
import { UsageError } from '../../../src/runner/usage-error.ts'
import { never, request, turn } from './request.ts'

test('echo says what was said', async () => {
  expect(chooseResponder('echo').responder).toBe(echoResponder)
  expect(await echoResponder.respond(request, turn, never)).toBe('echo: grüß dich')
})

test.each(['exec:cat', 'http:http://127.0.0.1:1/a', 'http:https://example.com', 'http://127.0.0.1:1/a', 'https://example.com/a'])(
  '%s is a responder',
  async spec => {
    await chooseResponder(spec).close()
  },
)

test.each(['', 'eco', 'exec:', 'exec:  ', 'http:', 'http:localhost', 'http://', 'ftp://example.com'])(
  '%j is none, and the sentence says what there is',
  spec => {
    expect(() => chooseResponder(spec)).toThrow(UsageError)
    expect(() => chooseResponder(spec)).toThrow('expected echo, exec:COMMAND, openai:URL, or an http or https URL (http:URL).')
  },
)
