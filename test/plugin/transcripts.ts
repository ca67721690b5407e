/** Entries of a session, as a real gateway has written them; what the reading does not look at is left out. */

/** What somebody has written on the mesh. */
export const question = (messageId: string) => ({
  type: 'message',
  message: { role: 'user', content: 'hello', __openclaw: { senderId: 'Alice', transport: { channel: 'ztm-chat', messageId } } },
})

/** What the gateway says to the assistant when it takes a turn up again. */
export const takenUp = {
  type: 'message',
  message: { role: 'user', content: '[System] Your previous turn was interrupted.', __openclaw: { senderIsOwner: false } },
}

/** `stopReason`: `toolUse` when the turn goes on. */
export const answer = (runId: string, stopReason = 'stop') => ({
  type: 'message',
  message: { role: 'assistant', content: [{ type: 'text', text: 'hi' }], stopReason, __openclaw: { runId } },
})
