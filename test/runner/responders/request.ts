import type { DispatchRequest, Turn } from '../../../src/ports/responder.ts'

export const request: DispatchRequest = {
  account: 'home',
  chat: 'peer:alice',
  messageId: '0123456789abcdef01234567',
  sender: 'alice',
  timeMs: 1_700_000_000_000,
  text: 'grüß dich',
  rawText: 'grüß dich',
  group: null,
  mentioned: false,
  history: [],
  alternations: 0,
  files: [],
  tools: null,
  attempt: 1,
  losses: 0,
}

/** Responders outside the process never adopt a message. */
export const turn: Turn = {
  adopted: () => Promise.reject(new Error('a responder of the runner adopted a message')),
  waits: () => {},
}

export const never = new AbortController().signal
