/** What is said where the agent has not joined the mesh of the config: a wrong name shows beside the right ones. */
export function notJoined(agentUrl: string, meshName: string, joined: readonly { readonly name: string }[]): string {
  const names = joined.length === 0 ? 'none' : joined.map(({ name }) => JSON.stringify(name)).join(', ')
  return `The ZTM agent at ${agentUrl} has not joined the mesh ${JSON.stringify(meshName)} (it has joined ${names})`
}
