import type { Prompter } from '../../setup/prompter.ts'
import { responderFault } from '../responders/choose.ts'

/** Who is to answer, as `--responder` takes it. */
export async function askResponder(prompter: Prompter): Promise<string> {
  const kind = await prompter.select({
    message: 'Who answers the messages?',
    options: [
      { value: 'echo', label: 'Echo', hint: 'says what was said, to try it' },
      { value: 'exec:', label: 'A command', hint: 'gets the message as JSON, and writes the answer' },
      { value: 'http:', label: 'A web service', hint: 'gets the message as JSON in a POST' },
    ],
  })
  if (kind === 'echo') return kind
  const rest = await prompter.text({
    message: kind === 'exec:' ? 'The command' : 'Its URL',
    placeholder: kind === 'exec:' ? './answer.sh' : 'http://127.0.0.1:8080/answer',
    validate: value => responderFault(kind + value) ?? undefined,
  })
  return kind + rest
}
