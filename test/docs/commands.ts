/** The command lines that a document shows. */
import { codeBlocks, quoted, tableRows, withoutBlocks } from './markdown.ts'

/** Every command line of these programs, in its order, each once; with and without `npx`. */
export function commandLines(text: string, programs: readonly string[]): readonly string[] {
  const blocks = codeBlocks(text).flatMap(({ language, code }) => (language === 'sh' ? code.split('\n') : []))
  const lines = [...blocks, ...quoted(withoutBlocks(text))].map(line => line.replace(/\s+#.*$/, '').trim())
  return [...new Set(lines.filter(line => programs.includes(words(line.replace(/^npx /, ''))[0] ?? '') && words(line).length > 1))]
}

/** A command line as a shell takes it apart. */
export function words(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? '')
}

/**
 * What the first column of a table of commands shows, written out: behind `pairing list`, `approve CODE` is `pairing approve CODE`, and
 * behind `simulate --seeds 2000`, `--seed 7` is `simulate --seed 7`. `told`: the options of which the row speaks besides.
 */
export type Row = { readonly commands: readonly string[]; readonly told: readonly string[] }

export function commandRows(text: string, isCommand: (word: string) => boolean): readonly Row[] {
  return tableRows(text).map(([shown = '', ...rest]) => {
    const [first = '', ...others] = quoted(shown)
    const [parent = ''] = words(first)
    const commands = [first, ...others.map(other => (isCommand(words(other)[0] ?? '') ? other : `${parent} ${other}`))]
    return { commands, told: optionsIn(quoted(rest.join())) }
  })
}

/** `--state-dir`, `--json` */
export const optionsIn = (lines: readonly string[]): readonly string[] =>
  lines.flatMap(line => words(line).filter(word => /^--[a-z][a-z-]*$/.test(word)))
