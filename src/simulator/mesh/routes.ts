import { HandlerFailed } from './http.ts'
import type { Quirks } from './quirks.ts'

export type Params = Readonly<Record<string, string>>

/** `/api/meshes/{mesh}/files/*`: `{name}` is one piece that is not empty, `*` the rest, also not empty. */
export type Pattern = { readonly pieces: readonly string[]; readonly rest: boolean }

export function pattern(text: string): Pattern {
  const pieces = text.split('/').slice(1)
  const rest = pieces.at(-1) === '*'
  return { pieces: rest ? pieces.slice(0, -1) : pieces, rest }
}

/** The path of a request line: the query cut off, and one trailing slash, but no slash in front of a query. */
export function pathOf(target: string, quirks: Quirks): string {
  const query = target.indexOf('?')
  if (query >= 0) return target.slice(0, query)
  return quirks.trailingSlashTolerated && target.length > 1 && target.endsWith('/') ? target.slice(0, -1) : target
}

/** Of a path, for `match`. */
export const piecesOf = (path: string): readonly string[] => path.split('/').slice(1)

export function match({ pieces, rest }: Pattern, given: readonly string[], quirks: Quirks): Params | null {
  if (rest ? given.length <= pieces.length : given.length !== pieces.length) return null
  const params: Record<string, string> = {}
  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index]!
    const value = given[index]!
    if (piece.startsWith('{')) {
      if (value === '') return null
      params[piece.slice(1, -1)] = value
    } else if (piece !== value && !(quirks.literalCaseIgnored && piece.toLowerCase() === value.toLowerCase())) {
      return null
    }
  }
  if (rest) {
    params['*'] = given.slice(pieces.length).join('/')
    if (params['*'] === '') return null
  }
  return params
}

/** What `encodeURIComponent` leaves alone: an escape of one of these is not decoded. */
const PLAIN = /[A-Za-z0-9\-_.!~*'()]/

export function decodePiece(piece: string, quirks: Quirks): string {
  const kept = quirks.overEncodingKept
    ? piece.replace(/%([0-9a-fA-F]{2})/g, (whole, hex: string) =>
        PLAIN.test(String.fromCharCode(Number.parseInt(hex, 16))) ? `%25${hex.toUpperCase()}` : whole,
      )
    : piece
  try {
    return decodeURIComponent(kept)
  } catch {
    throw new HandlerFailed('malformed URL')
  }
}

/** The first value of each key. */
export function queryOf(target: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const start = target.indexOf('?')
  if (start < 0) return values
  for (const [key, value] of new URLSearchParams(target.slice(start + 1))) if (!values.has(key)) values.set(key, value)
  return values
}

/** The agent's number parser: the whole text or nothing, exponents allowed. */
export function numberOf(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
}
