import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const README = join(import.meta.dirname, '..', '..', '..', 'README.md')

/** Every command line that the README shows under "Install in OpenClaw", in its order, each once. */
export async function readmeCommands(): Promise<readonly string[]> {
  const text = await readFile(README, 'utf8')
  const start = text.indexOf('\n## Install in OpenClaw\n')
  if (start < 0) throw new Error('The README has no section "Install in OpenClaw".')
  const end = text.indexOf('\n## ', start + 4)
  const section = text.slice(start, end < 0 ? undefined : end)
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'))
  const inline = [...section.replaceAll(/^```.*?^```/gms, '').matchAll(/`((?:openclaw|npm) [^`]+)`/g)].map(([, command = '']) => command)
  const commands = [...blocks, ...inline].map(line => line.replace(/\s+#.*$/, '').trim()).filter(line => /^(?:openclaw|npm) /.test(line))
  return [...new Set(commands)]
}

/** A command line as a shell takes it apart. */
export function words(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? '')
}
