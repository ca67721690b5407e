/** What a person may do from the page: the root supplies it, from the same operations as its command line. Each says in a sentence what was done, or rejects with one. */
export interface Commands {
  readonly pairing: Approvals | ApprovedElsewhere
  retry(account: string, id: string): Promise<string>
  drop(account: string, id: string): Promise<string>
}

export interface Approvals {
  approve(account: string, code: string): Promise<string>
  reject(account: string, code: string): Promise<string>
}

/** Somebody else keeps who is let in. */
export interface ApprovedElsewhere {
  /** What the owner runs; the code and `--account ID` go behind it. */
  readonly command: string
}

/** People of a simulated mesh, as whom one may write. */
export interface People {
  readonly personas: readonly import('./protocol.ts').Persona[]
  say(user: string, chat: string, text: string): Promise<void>
}
