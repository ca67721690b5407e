import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'

/** What the gateway asked the model: the last thing the user said, and the tools it was offered. */
export interface ModelRequest {
  readonly user: string
  readonly tools: readonly string[]
}

export interface ModelServer {
  /** Base URL of an OpenAI-compatible API. */
  readonly url: string
  readonly requests: readonly ModelRequest[]
  /** From now on an answer waits until `release` is called: for a look at what happens in mid-turn. */
  hold(): { release(): void }
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

/**
 * A model on loopback that always answers `model says: ` and the last paragraph the user wrote, so that a test can tell which message an
 * answer belongs to.
 */
export async function startModelServer(): Promise<ModelServer> {
  const requests: ModelRequest[] = []
  let held: Promise<void> | null = null
  const server = createServer((request, response) => {
    answer(request, response).catch(error => response.destroy(error instanceof Error ? error : new Error(String(error))))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') return json(response, { object: 'list', data: [{ id: 'stub', object: 'model' }] })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const asked = completion.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
    const user = lastUserText(asked)
    requests.push({ user, tools: (asked.tools ?? []).map(tool => tool.function.name) })
    await held
    const text = `model says: ${user}`
    if (asked.stream === true) stream(response, asked.model, text)
    else {
      json(response, {
        id: 'stub',
        object: 'chat.completion',
        created: 1,
        model: asked.model,
        choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
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
    hold() {
      let open = () => {}
      held = new Promise(resolve => {
        open = resolve
      })
      return {
        release() {
          held = null
          open()
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

function lastUserText(asked: Completion): string {
  const paragraphs = asked.messages
    .filter(message => message.role === 'user')
    .flatMap(({ content }) => {
      if (!Array.isArray(content)) return content ?? ''
      return content.map(part => textPart.safeParse(part).data?.text ?? '')
    })
    .filter(text => !text.startsWith('<<<BEGIN_OPENCLAW'))
    .flatMap(text => text.split('\n\n'))
  return paragraphs.findLast(paragraph => paragraph.trim() !== '' && !OF_THE_HOST.test(paragraph)) ?? ''
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

function stream(response: ServerResponse, model: string, text: string): void {
  response.setHeader('content-type', 'text/event-stream')
  const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ id: 'stub', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  response.write(chunk({ role: 'assistant', content: text }, null))
  response.write(chunk({}, 'stop'))
  response.end('data: [DONE]\n\n')
}
