import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ResponderFailed } from '../../../src/domain/errors.ts'
import { createExecResponder } from '../../../src/runner/responders/exec.ts'
import { never, request, turn } from './request.ts'

const ask = (command: string, signal = never) => createExecResponder(command).respond(request, turn, signal)

test('the program reads the request and writes the answer, in UTF-8', async () => {
  const answer = JSON.parse((await ask('cat')) ?? '')
  expect(answer).toEqual({ ...request, idempotencyKey: request.messageId })
})

test('line breaks at the end are not part of the answer; those inside are', async () => {
  expect(await ask(String.raw`printf ' one\n\ntwo \r\n\n'`)).toBe(' one\n\ntwo ')
})

test.each(['true', 'echo', 'printf "  "'])('%s writes nothing, and that is no answer', async command => {
  expect(await ask(command)).toBeNull()
})

test('a program need not read its input, however long', async () => {
  const long = { ...request, text: 'x'.repeat(1_000_000) }
  expect(await createExecResponder('echo done').respond(long, turn, never)).toBe('done')
})

test('a program that fails has failed with the last line of its standard error', async () => {
  const failing = ask('echo half an answer; echo first >&2; echo "no quota left" >&2; exit 7')
  await expect(failing).rejects.toBeInstanceOf(ResponderFailed)
  await expect(failing).rejects.toThrow(/failed with exit code 7: no quota left$/)
})

test('a reason does not quote the message', async () => {
  const asked = { ...request, text: 'my secret plan' }
  const failing = createExecResponder('echo "cannot answer: my secret plan" >&2; exit 1').respond(asked, turn, never)
  await expect(failing).rejects.toThrow(/exit code 1: cannot answer: \[text\]$/)
})

test('a program that fails without a word, or that a signal ends, says that', async () => {
  await expect(ask('exit 1')).rejects.toThrow('failed with exit code 1 and wrote nothing to standard error.')
  await expect(ask('kill -TERM $$')).rejects.toThrow('was ended by SIGTERM')
  await expect(ask('no-such-program-at-all')).rejects.toThrow(/exit code 127.*not found/)
})

test('output without end is stopped at the bound', async () => {
  await expect(ask('yes')).rejects.toThrow('exec:yes wrote more than 1048576 bytes; an answer has at most that many.')
})

test('an answer of exactly the bound is taken, and one byte more is too much', async () => {
  expect(await ask('head -c 1048576 /dev/zero | tr "\\0" x')).toHaveLength(1_048_576)
  await expect(ask('head -c 1048577 /dev/zero | tr "\\0" x')).rejects.toThrow('more than 1048576 bytes')
})

test('the time-out ends the program with everything that it has started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-exec-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const abort = new AbortController()
  // The inner shell ignores every polite signal.
  const asking = ask(`sh -c 'trap "" TERM INT HUP; echo $$ > ${folder}/pid; sleep 600; sleep 600' & wait`, abort.signal)
  const pid = () => readFileSync(`${folder}/pid`, 'utf8').trim()
  await expect.poll(pid, { timeout: 10_000 }).toMatch(/^\d+$/)

  abort.abort()

  await expect(asking).rejects.toThrow('was ended: its time was over, or the runner stops.')
  const state = () => spawnSync('ps', ['-o', 'stat=', '-p', pid()], { encoding: 'utf8' }).stdout.trim()
  await expect.poll(state, { timeout: 10_000 }).toMatch(/^(Z.*)?$/)
})

test('a signal that has fired already starts nothing that stays', async () => {
  await expect(ask('sleep 600', AbortSignal.abort())).rejects.toThrow('was ended')
})

test('a program that leaves its output open to others has answered all the same', async () => {
  expect(await ask('sleep 5 & echo done')).toBe('done')
})

test('the reason of a failure names the program, and none of its arguments: they may hold a key', async () => {
  await expect(ask('KEY=hunter2 sh -c "exit 3" hunter2')).rejects.toThrow(/^exec:sh … failed with exit code 3 and wrote nothing/)
})
