import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'

/** What the gateway asked the model. */
export interface ModelRequest {
  /** The last thing the user said. */
  readonly user: string
  /** Names of the tools it was offered. */
  readonly tools: readonly string[]
  /** All that the model was given, as JSON: for what must, or must not, be in it. */
  readonly everything: string
  /** What the tools answered that were called since the user's last word. */
  readonly toolResults: readonly string[]
}

/** What the model says to it: a text, or calls of tools. */
export type ModelAnswer = { readonly text: string } | { readonly calls: readonly { readonly name: string; readonly args: unknown }[] }
export type Script = (request: ModelRequest) => ModelAnswer | string | Promise<ModelAnswer | string>

export interface ModelServer {
  /** Base URL of an OpenAI-compatible API. */
  readonly url: string
  readonly requests: readonly ModelRequest[]
  /** The requests about what the user said last. */
  about(user: string | RegExp): readonly ModelRequest[]
  /** Answers of its own for what matches; the newest script that matches counts. Without one: `model says: ` and what the user said. */
  on(user: RegExp, script: Script): void
  /** From now on an answer to what matches (default: to anything) waits until `release` is called: for a look at what happens in mid-turn. */
  hold(user?: RegExp): { release(): void }
  close(): Promise<void>
}

const textPart = z.object({ type: z.literal('text'), text: z.string() })
const completion = z.object({
  stream: z.boolean().optional(),
  model: z.string(),
  messages: z.array(
    z.object({ role: z.string(), content: z.union([z.string(), z.array(z.union([textPart, z.unknown()])), z.null()]).optional() }),
  ),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).optional(),
})

type Completion = z.infer<typeof completion>
type Content = Completion['messages'][number]['content']

/**
 * A model on loopback that answers `model says: ` and the last paragraph the user wrote, so that a test can tell which message an
 * answer belongs to; or what a test has told it to.
 */
export async function startModelServer(): Promise<ModelServer> {
  const requests: ModelRequest[] = []
  const scripts: { readonly user: RegExp; readonly script: Script }[] = []
  const holds = new Set<{ readonly user: RegExp; readonly released: Promise<void> }>()
  const server = createServer((request, response) => {
    answer(request, response).catch(error => response.destroy(error instanceof Error ? error : new Error(String(error))))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') return json(response, { object: 'list', data: [{ id: 'stub', object: 'model' }] })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('utf8')
    const asked = completion.parse(JSON.parse(body))
    // The host may put a message of its own behind the tools' answers.
    const last = asked.messages.findLastIndex(message => wordsOf(message).length > 0)
    const user = wordsOf(asked.messages[last]).at(-1) ?? ''
    const toolResults = asked.messages.slice(last + 1).flatMap(({ role, content }) => (role === 'tool' ? [textOf(content)] : []))
    const noted = { user, tools: (asked.tools ?? []).map(tool => tool.function.name), everything: body, toolResults }
    requests.push(noted)
    for (const hold of holds) if (hold.user.test(user)) await hold.released
    const scripted = await scripts.findLast(({ user: pattern }) => pattern.test(user))?.script(noted)
    const said = scripted === undefined ? { text: `model says: ${user}` } : typeof scripted === 'string' ? { text: scripted } : scripted
    if (asked.stream === true) stream(response, asked.model, said)
    else {
      json(response, {
        id: 'stub',
        object: 'chat.completion',
        created: 1,
        model: asked.model,
        choices: [{ index: 0, message: { role: 'assistant', ...inBody(said) }, finish_reason: finishOf(said) }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      })
    }
  }

  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The model server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    about: user => requests.filter(request => (typeof user === 'string' ? request.user === user : user.test(request.user))),
    on(user, script) {
      scripts.push({ user, script })
    },
    hold(user = /^/) {
      const { promise: released, resolve } = Promise.withResolvers<void>()
      const hold = { user, released }
      holds.add(hold)
      return {
        release() {
          holds.delete(hold)
          resolve()
        },
      }
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The host adds messages of its own in the user's name, and paragraphs of its own around what the user wrote. */
const OF_THE_HOST = /^(?:\[[^\]]*\] )?(?:<<<BEGIN_OPENCLAW|\[System\]|Conversation info:|Runtime: )/

function textOf(content: Content): string {
  if (!Array.isArray(content)) return content ?? ''
  return content.map(part => textPart.safeParse(part).data?.text ?? '').join('')
}

/** What the user wrote in this message, by paragraphs. */
function wordsOf(message: Completion['messages'][number] | undefined): readonly string[] {
  if (message?.role !== 'user') return []
  const { content } = message
  const texts = Array.isArray(content) ? content.map(part => textPart.safeParse(part).data?.text ?? '') : [content ?? '']
  return texts
    .filter(text => !text.startsWith('<<<BEGIN_OPENCLAW'))
    .flatMap(text => text.split('\n\n'))
    .filter(paragraph => paragraph.trim() !== '' && !OF_THE_HOST.test(paragraph))
}

const finishOf = (said: ModelAnswer): string => ('calls' in said ? 'tool_calls' : 'stop')

let calls = 0
function inBody(said: ModelAnswer): object {
  if ('text' in said) return { content: said.text }
  return {
    content: null,
    tool_calls: said.calls.map(({ name, args }, index) => {
      calls += 1
      return { index, id: `call_${calls}`, type: 'function', function: { name, arguments: JSON.stringify(args) } }
    }),
  }
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

function stream(response: ServerResponse, model: string, said: ModelAnswer): void {
  response.setHeader('content-type', 'text/event-stream')
  const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ id: 'stub', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  response.write(chunk({ role: 'assistant', ...inBody(said) }, null))
  response.write(chunk({}, finishOf(said)))
  response.end('data: [DONE]\n\n')
}
