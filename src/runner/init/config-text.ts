/** A config as a person would like to find it: JSON5, each option with its meaning, and what else there is. */
import JSON5 from 'json5'
import { type DescribedOption, rootOptions } from '../../domain/config.ts'
import type { Section } from '../../setup/section.ts'

const COLUMNS = 110
const INDENT = '  '

export function configText(section: Section): string {
  const options = rootOptions()
  const known = new Map(options.map(option => [option.name, option]))
  const set = [...options.map(({ name }) => name).filter(name => name in section), ...Object.keys(section).filter(name => !known.has(name))]
  const unset = options.filter(({ name, advanced, default: standard }) => !(name in section) && !advanced && standard !== undefined)
  return [
    '// The bot of "ztm-chat run". "ztm-chat doctor" looks whether all is well; "ztm-chat init" asks again. They look for',
    '// ./ztm-chat.json5: under another name, or from elsewhere, --config says where this file is.',
    '{',
    ...set.flatMap(name => [...comment(known.get(name)), `${INDENT}${name}: ${written(section[name])},`, '']),
    ...(unset.length > 0 ? [`${INDENT}// What else may be set, as it is when nothing is said:`] : []),
    ...unset.flatMap(option => [`${INDENT}//`, ...comment(option), `${INDENT}// ${option.name}: ${inOneLine(option)},`]),
    '}',
    '',
  ].join('\n')
}

const written = (value: unknown): string => JSON5.stringify(value, { space: 2, quote: "'" }).replaceAll('\n', `\n${INDENT}`)
const inOneLine = ({ default: standard }: DescribedOption): string => JSON5.stringify(standard, { quote: "'" })

/** Values that nobody has to be told. */
const OBVIOUS = new Set(['boolean', 'string', 'object'])

function comment(option: DescribedOption | undefined): readonly string[] {
  if (option === undefined) return []
  const text = OBVIOUS.has(option.type) ? option.notes : `${option.notes} Type: ${option.type}.`
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(line => `${INDENT}// ${line}`)
}
