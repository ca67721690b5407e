/** What the values of options may be; commander puts its own words before these. */
import { InvalidArgumentError } from 'commander'
import { isSafeName } from '../domain/reply.ts'

export function wholeCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number from 1.')
}

export function wholePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('expected a whole number from 0 to 65535.')
}

/** Of a user, or of the mesh. */
export function nameOnMesh(text: string): string {
  if (isSafeName(text)) return text
  throw new InvalidArgumentError('expected a name of 1 to 255 characters without "/", "?" and "#", and not "." or "..".')
}

export const namesOnMesh = (text: string): readonly string[] => names(text).map(nameOnMesh)

export function names(text: string): readonly string[] {
  const found = text.split(',').map(name => name.trim())
  const given = found.filter(name => name !== '')
  if (new Set(given).size === given.length) return given
  throw new InvalidArgumentError('expected different names, with commas between them.')
}

/** Of an option that may be given more than once. */
export const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]
