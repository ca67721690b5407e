import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chooseResponder } from '../../../src/runner/responders/choose.ts'
import { echoResponder } from '../../../src/runner/responders/echo.ts'
import { UsageError } from '../../../src/runner/usage-error.ts'
import { folderInTest } from '../cli.ts'
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

test('a program that is not there, or may not be executed, is told before the first message', async () => {
  const program = join(await folderInTest(), 'answer.sh')

  expect(() => chooseResponder(`exec:${program} --brief`)).toThrow(`${program} does not exist; write it, or correct the path.`)
  await writeFile(program, '#!/bin/sh\n')
  await chmod(program, 0o644)
  expect(() => chooseResponder(`exec:${program}`)).toThrow(`${program} may not be executed by this user; chmod +x ${program} lets them.`)
  await chmod(program, 0o755)
  await chooseResponder(`exec:${program}`).close()
})

test.each(['exec:KEY=1 ./none.sh', 'exec:~/none.sh', 'exec:test -e none && ./none.sh', 'exec:"./no ne.sh"'])(
  '%s is left to the shell',
  async spec => {
    await chooseResponder(spec).close()
  },
)
