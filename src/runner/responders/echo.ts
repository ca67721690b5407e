import type { Responder } from '../../ports/responder.ts'

/** Says what was said. */
export const echoResponder: Responder = {
  respond: async ({ text }) => `echo: ${text}`,
}
