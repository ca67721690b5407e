import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ResponderFailed } from '../../../src/domain/errors.ts'
import { chooseResponder } from '../../../src/runner/responders/choose.ts'
import { UsageError } from '../../../src/runner/usage-error.ts'
import { never, request, turn } from './request.ts'

type Handler = (request: IncomingMessage & { text: string }, response: ServerResponse) => void

const KEY = 'planted-hunter2'

async function modelThat(handler: Handler, { path = '/v1', key = KEY as string | null, system = undefined as string | undefined } = {}) {
  const server = createServer(async (incoming, response) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    handler(Object.assign(incoming, { text }), response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { responder, close } = chooseResponder(`openai:http://127.0.0.1:${port}${path}`, {
    model: 'small-1',
    ...(system !== undefined && { system }),
    env: key === null ? {} : { ZTM_CHAT_OPENAI_KEY: key },
  })
  onTestFinished(async () => {
    await close()
    server.closeAllConnections()
    server.close()
  })
  return { at: `http://127.0.0.1:${port}`, ask: (more = {}, signal = never) => responder.respond({ ...request, ...more }, turn, signal) }
}

const json = (response: ServerResponse, value: unknown, status = 200) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(typeof value === 'string' ? value : JSON.stringify(value))
const completionOf = (message: object) => ({ id: 'c1', object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] })
const says =
  (content: unknown): Handler =>
  (_, response) =>
    json(response, completionOf({ role: 'assistant', content }))
const refuses =
  (status: number, body: unknown): Handler =>
  (_, response) =>
    json(response, body, status)

test('the model is asked with its name, the message, the key and the idempotency key', async () => {
  const seen: unknown[] = []
  const { ask } = await modelThat(
    (incoming, response) => {
      const { authorization, 'idempotency-key': idempotency, 'content-type': type } = incoming.headers
      seen.push({ url: `${incoming.method} ${incoming.url}`, authorization, idempotency, type, body: JSON.parse(incoming.text) })
      says('Grüße zurück\n')(incoming, response)
    },
    { system: 'You are terse.' },
  )

  expect(await ask()).toBe('Grüße zurück')
  expect(seen).toEqual([
    {
      url: 'POST /v1/chat/completions',
      authorization: `Bearer ${KEY}`,
      idempotency: request.messageId,
      type: 'application/json',
      body: {
        model: 'small-1',
        messages: [
          { role: 'system', content: 'You are terse.' },
          { role: 'user', content: 'grüß dich' },
        ],
      },
    },
  ])
})

test('what was said before in the group comes first, a line for each, so that nobody speaks for another', async () => {
  const seen: unknown[] = []
  const { ask } = await modelThat((incoming, response) => {
    seen.push(JSON.parse(incoming.text).messages)
    says('yes')(incoming, response)
  })
  await ask({
    history: [
      { sender: 'bob', timeMs: 1, text: 'lunch?\nalice: I pay' },
      { sender: 'carol', timeMs: 2, text: 'at one' },
    ],
  })
  expect(seen).toEqual([
    [
      { role: 'user', content: 'What others said in the group before, for context only:\nbob: lunch? alice: I pay\ncarol: at one' },
      { role: 'user', content: 'grüß dich' },
    ],
  ])
})

test('without a key none is sent, and a file is named', async () => {
  const seen: unknown[] = []
  const keep: Handler = (incoming, response) => {
    seen.push([incoming.headers.authorization, JSON.parse(incoming.text).messages])
    says('seen')(incoming, response)
  }
  const { ask } = await modelThat(keep, { key: null })
  const file = {
    owner: 'alice',
    hash: 'ab'.repeat(32),
    name: 'plan.pdf',
    contentType: 'application/pdf',
    size: 3,
    url: 'http://127.0.0.1:1/f',
  }

  await ask({ text: '', files: [file] })

  expect(seen).toEqual([[undefined, [{ role: 'user', content: '[attached: plan.pdf (application/pdf)]' }]]])
})

test.each(['/v1', '/v1/', '/v1/chat/completions', '/v1/chat/completions/', '/v1?api-version=2'])(
  '%s is the URL of the same',
  async path => {
    const urls: (string | undefined)[] = []
    const { ask } = await modelThat(
      (incoming, response) => {
        urls.push(incoming.url)
        says('x')(incoming, response)
      },
      { path },
    )
    await ask()
    expect(urls).toEqual([`/v1/chat/completions${path.includes('?') ? '?api-version=2' : ''}`])
  },
)

test.each<[string, object, string | null]>([
  ['a text', { content: 'yes' }, 'yes'],
  ['an empty text: no answer', { content: '' }, null],
  ['a refusal is what it says', { content: null, refusal: 'I may not say that.' }, 'I may not say that.'],
])('%s', async (_, message, expected) => {
  const { ask } = await modelThat((__, response) => json(response, completionOf(message)))
  expect(await ask()).toBe(expected)
})

describe('each failure is one sentence', () => {
  const quota = { error: { message: 'You exceeded your current quota.', type: 'insufficient_quota' } }
  test.each<[string, Handler, string]>([
    [
      'a key that is refused',
      refuses(401, { error: { message: `Incorrect API key provided: ${KEY}.` } }),
      'was answered with 401; is the key in ZTM_CHAT_OPENAI_KEY good, and may it use the model "small-1"?',
    ],
    [
      'a model that there is not',
      refuses(404, { error: { message: 'The model does not exist' } }),
      'was answered with 404 (The model does not exist); is the URL right, and is there a model "small-1"?',
    ],
    [
      'a limit',
      refuses(429, quota),
      'was answered with 429 (You exceeded your current quota); its limit is reached, or there is no credit left.',
    ],
    ['an error with a text', refuses(400, { error: 'context too\nlong' }), 'was answered with 400 (context too long).'],
    ['an error without', refuses(500, '<html>oops</html>'), 'was answered with 500.'],
    ['a redirect, which is not followed', refuses(302, ''), 'was answered with 302.'],
    ['no JSON', refuses(200, '<html>'), 'was answered with something that is no chat completion; is it the URL of such an API?'],
    ['other JSON', refuses(200, { text: 'x' }), 'was answered with something that is no chat completion; is it the URL of such an API?'],
    ['no choice', refuses(200, { choices: [] }), 'was answered with something that is no chat completion; is it the URL of such an API?'],
    ['a number for a text', says(7), 'was answered with something that is no chat completion; is it the URL of such an API?'],
    ['a wish for a tool', says(null), 'was answered without a text; does the model "small-1" want to call tools?'],
  ])('%s', async (_, handler, sentence) => {
    const { ask, at } = await modelThat(handler)
    const asking = ask()
    await expect(asking).rejects.toBeInstanceOf(ResponderFailed)
    await expect(asking).rejects.toThrow(new ResponderFailed(`POST ${at}/v1/chat/completions ${sentence}`))
  })

  test('the time-out', async () => {
    const abort = new AbortController()
    const { ask } = await modelThat(() => abort.abort())
    await expect(ask({}, abort.signal)).rejects.toThrow('was given up: its time was over, or the runner stops.')
  })

  test('an answer without end', async () => {
    const { ask } = await modelThat((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const pour = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', pour)
      pour()
    })
    await expect(ask()).rejects.toThrow('was answered with more than 1048576 bytes')
  })

  test('a service that is not there', async () => {
    const { responder, close } = chooseResponder('openai:http://127.0.0.1:9/v1', { model: 'm', env: {} })
    onTestFinished(close)
    await expect(responder.respond(request, turn, never)).rejects.toThrow(
      'POST http://127.0.0.1:9/v1/chat/completions was refused; is the responder running there?',
    )
  })
})

test.each([400, 401, 403, 404, 429, 500])(
  'a service that quotes the key and the message with %i gets neither into the sentence',
  async status => {
    const text = 'Plan Kestrel begins at dawn, and nobody may know'
    const { ask } = await modelThat((incoming, response) => {
      json(
        response,
        { error: { message: `${incoming.headers.authorization} said "${text}" with sk-pl****ter2 and key_0123456789` } },
        status,
      )
    })

    const failure = await ask({ text }).catch((error: Error) => error)

    expect(failure).toBeInstanceOf(ResponderFailed)
    for (const secret of [KEY, 'hunter2', 'sk-pl', '0123456789', 'Kestrel', 'nobody may']) expect(String(failure)).not.toContain(secret)
  },
)

test.each<[string, object, string]>([
  ['openai:', { model: 'm' }, 'expected the URL of a chat completions API behind openai:, such as openai:https://api.openai.com/v1.'],
  ['openai:example.com', { model: 'm' }, 'expected the URL of a chat completions API'],
  ['openai:https://example.com/v1', {}, 'and needs a model; name it with --model.'],
  ['openai:https://example.com/v1', { model: ' ' }, 'and needs a model; name it with --model.'],
  ['openai:https://me:hunter2@example.com/v1', { model: 'm' }, 'the key belongs into ZTM_CHAT_OPENAI_KEY'],
  [
    'openai:http://example.com/v1',
    { model: 'm', env: { ZTM_CHAT_OPENAI_KEY: KEY } },
    'would send ZTM_CHAT_OPENAI_KEY over plain http; use https, or unset it.',
  ],
  [
    'openai:https://example.com/v1',
    { model: 'm', env: { ZTM_CHAT_OPENAI_KEY: 'hunter2 hunter2' } },
    'a key has no blanks, and nothing beyond ASCII.',
  ],
  ['exec:cat', { model: 'm' }, '--model is only for --responder openai:URL; leave it out.'],
  ['echo', { system: 'x' }, '--system is only for --responder openai:URL; leave it out.'],
])('%s with %j is refused', (spec, options, sentence) => {
  const choosing = () => chooseResponder(spec, { env: {}, ...options })
  expect(choosing).toThrow(UsageError)
  expect(choosing).toThrow(sentence)
  expect(choosing).not.toThrow(/hunter2/)
})

test.each(['openai:https://example.com/v1', 'openai:http://127.0.0.1:8080/v1', 'openai:http://models.example/v1'])(
  '%s is a responder',
  async url => {
    await chooseResponder(url, { model: 'm', env: {} }).close()
  },
)
