/** The config of the headless runner: a file with the options themselves, or a whole OpenClaw config. */
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { extname } from 'node:path'
import JSON5 from 'json5'
import { parseDocument } from 'yaml'
import { expandHome, type ParsedConfig, parseConfig, type SecretRef } from '../domain/config.ts'
import { ConfigInvalid } from '../domain/errors.ts'
import { plain } from '../domain/shown.ts'

/** Far beyond any config; a wrong path to a log or a database ends here. */
const FILE_BYTES_MAX = 1_048_576

const FORMATS: Readonly<Record<string, (text: string) => unknown>> = {
  '.json5': JSON5.parse,
  '.json': JSON5.parse,
  '.yaml': parseYaml,
  '.yml': parseYaml,
}

export type LoadOptions = {
  readonly home?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * `~` in paths is expanded, and secret references to environment variables are resolved.
 * @throws {ConfigInvalid} with every problem; each begins with the path of the file.
 */
export async function loadConfigFile(path: string, { home = homedir(), env = process.env }: LoadOptions = {}): Promise<ParsedConfig> {
  const { input, prefix } = await readConfigFile(path)
  const secret = ({ source, id }: SecretRef): string | null => (source === 'env' ? env[id] || null : null)
  const config = inFile(path, () => parseConfig(input, { prefix, secret }))
  if (config.unresolvedSecrets.length > 0) {
    throw new ConfigInvalid(
      config.unresolvedSecrets.map(
        ({ option }) =>
          `${path}: ${option} is a secret reference without a value; expected {source: "env", id: NAME} with NAME set, or the path of a PEM file.`,
      ),
    )
  }
  return { ...config, accounts: config.accounts.map(account => expandHome(account, home)) }
}

/** What stands in the file, unchecked; `prefix` is `channels.ztm-chat` in a whole OpenClaw config, and else empty. @throws {ConfigInvalid} */
export async function readConfigFile(path: string): Promise<{ readonly input: unknown; readonly prefix: string }> {
  return optionsIn(path, parseFile(path, await readText(path)))
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw refused(`${path} is not UTF-8 text; save it as UTF-8.`, cause)
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  if (FORMATS[extname(path).toLowerCase()] === undefined)
    throw refused(`${path} has no known ending; expected a .json5, .json, .yaml or .yml file.`)
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw refused(`${path} is a folder; expected a file.`)
    // Reading a pipe or a device may never end.
    if (!found.isFile()) throw refused(`${path} is no regular file; expected a file.`)
    if (found.size > FILE_BYTES_MAX)
      throw refused(`${path} has ${found.size} bytes; a config has at most ${FILE_BYTES_MAX}: is it the right file?`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof ConfigInvalid) throw error
    throw refused(`${path} ${REMEDIES[codeOf(error)] ?? `cannot be read (${codeOf(error)}).`}`, error)
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; "ztm-chat init" writes one, or name another with --config.',
  ENOTDIR: 'does not exist; "ztm-chat init" writes one, or name another with --config.',
  EACCES: 'may not be read by this user; give it the right to (chmod u+r), or name another file with --config.',
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error))

function parseFile(path: string, text: string): unknown {
  if (text.trim() === '') throw refused(`${path} is empty; expected an object with at least meshName and username.`)
  try {
    const content = FORMATS[extname(path).toLowerCase()]?.(text)
    if (content === null || content === undefined)
      throw refused(`${path} is empty; expected an object with at least meshName and username.`)
    return content
  } catch (error) {
    if (error instanceof ConfigInvalid) throw error
    const { line, column } = positionOf(error)
    if (isTooDeep(error))
      throw refused(
        `${path}:${line}:${column} is nested too deeply to be read; a config has less than ten levels: is it the right file?`,
        error,
      )
    throw refused(
      `${path}:${line}:${column} is not ${/\.ya?ml$/i.test(path) ? 'YAML' : 'JSON5'}: ${reasonOf(error)}; correct it there.`,
      error,
    )
  }
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw error
  return document.toJS()
}

/** The yaml library reads each level on the stack of the one above, and says so where it runs out; JSON5 has no such end. */
const isTooDeep = (error: unknown): boolean => codeOf(error) === 'RESOURCE_EXHAUSTION'

/** JSON5 gives `lineNumber` and `columnNumber`, yaml a pair of positions. */
function positionOf(error: unknown): { line: unknown; column: unknown } {
  if (!(error instanceof Error)) return { line: 1, column: 1 }
  if ('lineNumber' in error && 'columnNumber' in error) return { line: error.lineNumber, column: error.columnNumber }
  const [start] = 'linePos' in error && Array.isArray(error.linePos) ? error.linePos : []
  return { line: start?.line ?? 1, column: start?.col ?? 1 }
}

/** The first line of what the parser says, without its own position and quotation of the text. */
function reasonOf(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return (
    first
      .replace(/^JSON5: /, '')
      .replace(/ at (line )?\d+(:\d+|, column \d+):?$/, '')
      // What the library tells who calls it.
      .replace(/; please use YAML\..*$/, '')
      .replace(/[.:]$/, '')
  )
}

/** `channels.ztm-chat` of an OpenClaw config, or the object itself. */
function optionsIn(path: string, content: unknown): { input: unknown; prefix: string } {
  const channels =
    typeof content === 'object' && content !== null && Object.hasOwn(content, 'channels') ? Reflect.get(content, 'channels') : undefined
  if (channels === undefined) return { input: content, prefix: '' }
  const input =
    typeof channels === 'object' && channels !== null && Object.hasOwn(channels, 'ztm-chat') ? Reflect.get(channels, 'ztm-chat') : undefined
  if (input === undefined || input === null)
    throw refused(`${path} has channels, but no channels.ztm-chat; add it with at least meshName and username.`)
  return { input, prefix: 'channels.ztm-chat' }
}

function inFile(path: string, parse: () => ParsedConfig): ParsedConfig {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    throw new ConfigInvalid(error.problems.map(problem => `${path}: ${problem}`))
  }
}

function refused(problem: string, cause?: unknown): ConfigInvalid {
  // What the parsers say quotes the file.
  const error = new ConfigInvalid([plain(problem)])
  if (cause !== undefined) error.cause = cause
  return error
}
