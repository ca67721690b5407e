import { randomUUID } from 'node:crypto'
import { ATTACHMENTS_MAX } from '../../domain/attachments.ts'
import { SENDING_KEY, type Sending } from '../../domain/sending.ts'
import { shownChat } from '../../domain/shown.ts'
import { atRestOf } from '../at-rest.ts'
import { chatOf } from '../chat-name.ts'
import { type Answer, ask, type BotOptions } from '../control/ask.ts'
import { ControlSilent } from '../control/protocol.ts'
import { print, printJson } from '../output.ts'
import { uploadFiles } from '../upload.ts'
import { UsageError } from '../usage-error.ts'

export type SendOptions = BotOptions & { readonly to: string; readonly key?: string; readonly file?: readonly string[] }

/** Returns when the message is durable; from then on its delivery is the runner's. */
export async function send(text: string | undefined, options: SendOptions): Promise<number> {
  const { file: paths = [] } = options
  const chat = chatOf('--to', options.to)
  const key = options.key ?? randomUUID()
  if (!SENDING_KEY.test(key)) throw new UsageError(`--key is ${JSON.stringify(key)}; expected 1 to 200 ASCII characters without blanks.`)
  if ((text ?? '').trim() === '' && paths.length === 0)
    throw new UsageError('There is nothing to send: the text is empty, and there is no --file.')
  if (paths.length > ATTACHMENTS_MAX) throw new UsageError(`There are ${paths.length} files; one message takes ${ATTACHMENTS_MAX}.`)
  const files = paths.length === 0 ? [] : await uploadFiles((await atRestOf(options)).sender, paths)
  const message = { chat, text: text ?? '', key, files }
  const { result: taken, isRunning } = await sendOrTell(message, options)
  if (options.json) printJson({ ...taken, chat, key, running: isRunning })
  else if (taken.repeated)
    print(`The message to ${shownChat(chat)} was recorded before, under this key (account ${taken.account}); it is sent once.`)
  else
    print(
      `The message to ${shownChat(chat)} is recorded (account ${taken.account}); it is sent ${isRunning ? 'as soon as the ZTM agent takes it' : 'at the next start'}.`,
    )
  return 0
}

async function sendOrTell(message: Sending, options: SendOptions): Promise<Answer<'send'>> {
  try {
    return await ask(options, { do: 'send', account: options.account ?? null, ...message, files: [...message.files] })
  } catch (error) {
    if (!(error instanceof ControlSilent)) throw error
    // Such as on a full disk: it may be taken as soon as there is room.
    throw new ControlSilent(`${error.message} To be sure, send it again with --key ${message.key}: one key is sent once.`, { cause: error })
  }
}
