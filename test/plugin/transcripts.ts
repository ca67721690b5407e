/** Entries of a session, as a real gateway has written them; what the reading does not look at is left out. */

/** What somebody has written on the mesh. */
export const question = (messageId: string, channel = 'ztm-chat') => ({
  type: 'message',
  message: { role: 'user', content: 'hello', __openclaw: { senderId: 'Alice', transport: { channel, messageId } } },
})

/** What the gateway says to the assistant when it takes a turn up again. */
export const takenUp = {
  type: 'message',
  message: { role: 'user', content: '[System] Your previous turn was interrupted.', __openclaw: { senderIsOwner: false } },
}

/** `stopReason`: `toolUse` when the turn goes on. `atMs`: when it was written down, wall clock; long ago unless it is said. */
export const answer = (runId: string, { stopReason = 'stop', atMs = 0 }: { stopReason?: string; atMs?: number } = {}) => ({
  type: 'message',
  timestamp: new Date(atMs).toISOString(),
  message: { role: 'assistant', content: [{ type: 'text', text: 'hi' }], stopReason, __openclaw: { runId } },
})
