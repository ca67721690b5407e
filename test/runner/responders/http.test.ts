import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ResponderFailed } from '../../../src/domain/errors.ts'
import { createHttpResponder } from '../../../src/runner/responders/http.ts'
import { never, request, turn } from './request.ts'

type Handler = (request: IncomingMessage & { text: string }, response: ServerResponse) => void

async function serviceThat(handler: Handler, path = '/answer') {
  const server = createServer(async (incoming, response) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    handler(Object.assign(incoming, { text }), response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const responder = createHttpResponder(`http://127.0.0.1:${port}${path}`)
  onTestFinished(async () => {
    await responder.close()
    server.closeAllConnections()
    server.close()
  })
  return { ask: (signal = never) => responder.respond(request, turn, signal) }
}

const answers = (status: number, type: string | null, body: string): Handler => {
  return (_, response) => void response.writeHead(status, type === null ? {} : { 'content-type': type }).end(body)
}

test('the service gets the request and its idempotency key', async () => {
  const seen: unknown[] = []
  const { ask } = await serviceThat((incoming, response) => {
    seen.push([
      incoming.method,
      incoming.url,
      incoming.headers['idempotency-key'],
      incoming.headers['content-type'],
      JSON.parse(incoming.text),
    ])
    response.writeHead(200, { 'content-type': 'text/plain' }).end('fine')
  })
  expect(await ask()).toBe('fine')
  expect(seen).toEqual([['POST', '/answer', request.messageId, 'application/json', { ...request, idempotencyKey: request.messageId }]])
})

test.each<[string, number, string | null, string, string | null]>([
  ['plain text', 200, 'text/plain; charset=utf-8', 'Grüße\n', 'Grüße'],
  ['text in JSON', 200, 'application/json', '{"text":"one","more":1}', 'one'],
  ['reply in JSON', 201, 'application/json', '{"reply":"two"}', 'two'],
  ['null in JSON: no answer', 200, 'application/json', '{"text":null}', null],
  ['an empty text: no answer', 200, 'text/plain', '', null],
  ['204: no answer', 204, null, '', null],
])('%s', async (_, status, type, body, expected) => {
  const { ask } = await serviceThat(answers(status, type, body))
  expect(await ask()).toBe(expected)
})

test.each<[string, number, string | null, string, RegExp]>([
  ['500 with a word', 500, 'text/plain', 'no quota left\nmore', /\/answer was answered with 500 \(no quota left\)\.$/],
  ['404', 404, 'text/html', '<html>', /was answered with 404\.$/],
  ['a redirect is not followed', 302, null, '', /was answered with 302\.$/],
  ['HTML', 200, 'text/html', '<html>', /was answered with text\/html; expected text\/plain, or application\/json/],
  ['no content type', 200, null, 'hello', /was answered with no content type; expected/],
  ['broken JSON', 200, 'application/json', '{"text":', /is not the JSON it says it is\.$/],
  ['other JSON', 200, 'application/json', '{"answer":"x"}', /neither "text" nor "reply" as a string\.$/],
  ['a number for a text', 200, 'application/json', '{"text":7}', /neither "text" nor "reply" as a string\.$/],
])('%s has failed', async (_, status, type, body, expected) => {
  const { ask } = await serviceThat(answers(status, type, body))
  const asking = ask()
  await expect(asking).rejects.toBeInstanceOf(ResponderFailed)
  await expect(asking).rejects.toThrow(expected)
})

test('an answer without end is stopped at the bound', async () => {
  const { ask } = await serviceThat((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', pour)
    pour()
  })
  await expect(ask()).rejects.toThrow('was answered with more than 1048576 bytes; an answer has at most that many.')
})

test('the time-out ends the call', async () => {
  const abort = new AbortController()
  const { ask } = await serviceThat(() => abort.abort())
  await expect(ask(abort.signal)).rejects.toThrow('was given up: its time was over, or the runner stops.')
})

test('a service that is not there is told with a way out, and secrets of the URL are not', async () => {
  const responder = createHttpResponder(`http://me:hunter2@127.0.0.1:${await closedPort()}/a?token=hunter2`)
  onTestFinished(() => responder.close())
  const asking = responder.respond(request, turn, never)
  await expect(asking).rejects.toThrow(/^POST http:\/\/127\.0\.0\.1:\d+\/a was refused; is the responder running there\?$/)
})

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
