/** What the processes call each other. */
export const MESH = 'bench'
export const botName = (index: number): string => `bot-${index}`
