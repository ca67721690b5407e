import { keyOfSending, type Sending } from '../../domain/sending.ts'
import type { AccountHandle } from '../../runtime/runtime.ts'
import type { Taken } from './protocol.ts'

/** Whether anybody is there to read it has been asked. @throws {KeyTaken} */
export async function sendOnce(account: Pick<AccountHandle, 'id' | 'known' | 'send'>, sending: Sending): Promise<Taken> {
  const { chat, text, files } = sending
  const { key, repeated } = keyOfSending(sending, account.known(chat))
  const { keys } = await account.send({ chat, text, files, key })
  return { account: account.id, keys, repeated }
}
