/** Whether the command line would take what a document shows. */
import type { Command } from 'commander'
import { commandLine } from '../../src/runner/command-line.ts'

const all = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(all)]

/** Every command that does something. */
export const leaves = all(commandLine(() => {})).filter(command => command.commands.length === 0)

/** `pairing list` */
export const nameOf = (command: Command): string =>
  command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()

/** Whether commands begin with this word. */
export const isCommand = (word: string): boolean => leaves.some(leaf => nameOf(leaf).split(' ')[0] === word)

/** Why it would refuse these words; null when it takes them. Nothing is carried out. */
export async function refusal(args: readonly string[]): Promise<string | null> {
  const program = commandLine(() => {})
  for (const command of all(program)) {
    command.configureOutput({ writeOut() {}, writeErr() {} })
    if (command.commands.length === 0) command.action(() => {})
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return null
  } catch (error) {
    return `${args.join(' ')}: ${error instanceof Error ? error.message : error}`
  }
}
