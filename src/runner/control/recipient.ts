import { systemClock } from '../../adapters/clock/system-clock.ts'
import { openAccountAgent } from '../../adapters/ztm/account-agent.ts'
import type { ChatId, UserName } from '../../domain/ids.ts'
import type { AccountSettings } from '../../domain/settings.ts'
import { createRecipients } from '../../runtime/recipients.ts'

/** Asks the account's agent; when it is away nobody is refused. @throws {NobodyThere} */
export async function findRecipient(
  settings: AccountSettings,
  { chats, approved }: { readonly chats: ReadonlySet<ChatId>; readonly approved: ReadonlySet<UserName> },
  chat: ChatId,
): Promise<void> {
  const agent = openAccountAgent(settings, systemClock, null)
  const isPaired = async (user: UserName) => approved.has(user)
  try {
    await createRecipients({ settings, agent, clock: systemClock, chats, isPaired, isSettled: () => true }).find(chat)
  } finally {
    await agent.close()
  }
}
