import type { Prompter } from '../../setup/prompter.ts'
import { responderFault } from '../responders/choose.ts'
import { KEY_VARIABLE } from '../responders/openai.ts'

export type AskedResponder = { readonly responder: string; readonly model?: string }

const QUESTIONS = {
  'exec:': { message: 'The command', placeholder: './answer.sh' },
  'http:': { message: 'Its URL', placeholder: 'http://127.0.0.1:8080/answer' },
  'openai:': { message: 'URL of its API', placeholder: 'https://api.openai.com/v1' },
} as const

/** Who is to answer, as `--responder` and `--model` take it. */
export async function askResponder(
  prompter: Prompter,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<AskedResponder> {
  const kind = await prompter.select<'echo' | keyof typeof QUESTIONS>({
    message: 'Who answers the messages?',
    options: [
      { value: 'echo', label: 'Echo', hint: 'says what was said, to try it' },
      { value: 'exec:', label: 'A command', hint: 'gets the message as JSON, and writes the answer' },
      { value: 'http:', label: 'A web service', hint: 'gets the message as JSON in a POST' },
      { value: 'openai:', label: 'A model', hint: 'behind a chat completions API, as that of OpenAI' },
    ],
  })
  if (kind === 'echo') return { responder: kind }
  const isModel = kind === 'openai:'
  // Any model will do to look at the URL.
  const faultOf = (rest: string) => responderFault(kind + rest, { env, ...(isModel && { model: 'any' }) }) ?? undefined
  const responder = kind + (await prompter.text({ ...QUESTIONS[kind], validate: faultOf }))
  if (!isModel) return { responder }
  const model = await prompter.text({
    message: 'Name of the model',
    validate: name => (name.trim() === '' ? 'Expected the name of a model, as the service writes it.' : undefined),
  })
  if (!env[KEY_VARIABLE]) await prompter.note(`If the service wants a key, start the bot with ${KEY_VARIABLE} set to it.`, 'The key')
  return { responder, model }
}
