/**
 * Reads `{path: {hash, size, time, since}}` as it comes in. A mesh can list a million files, and their JSON as a whole would take
 * hundreds of megabytes: the tokens pass by, and only the entries of kept paths become objects.
 */
import { type ParsedTokenInfo, Tokenizer, TokenType } from '@streamparser/json'
import type { Listed } from '../../ports/ztm-agent.ts'

/** What stood in the answer in place of a listing. */
export type ListingFault = 'empty' | 'page' | 'no object' | 'no JSON'

export interface ListingReader {
  /** False: it is no listing, and the rest is not wanted. */
  write(chunk: Uint8Array): boolean
  /** Null when a whole listing was read. */
  end(): ListingFault | null
  /** Of all entries, the left-out ones included. */
  listed(): Listed
}

/** Longest path and hash that are decoded in one go, bytes; longer ones work, too. */
const STRING_BYTES = 64 * 1024
const NUMBER_BYTES = 64

const SPACE = 0x20
const LESS_THAN = 0x3c

type Expected = 'object' | 'key or end' | 'key' | 'colon' | 'value' | 'inside' | 'comma or end' | 'nothing'

/** The fields that are read of an entry, with whatever stood there. */
type Fields = { hash?: unknown; size?: unknown; time?: unknown; since?: unknown }

const isField = (name: string): name is keyof Fields => name === 'hash' || name === 'size' || name === 'time' || name === 'since'

/** `take` gets each kept path with what stood there for it: its fields, or a value that is no object. Nothing has been checked. */
export function createListingReader(keep: (path: string) => boolean, take: (path: string, entry: unknown) => void): ListingReader {
  let expected: Expected = 'object'
  let fault: ListingFault | null = null
  let path = ''
  let isKept = false
  /** Inside an entry: how deep, and the field whose value comes next. */
  let depth = 0
  let field: string | null = null
  let entry: Fields = {}
  let count = 0
  let newestMs = 0

  const isOpening = (token: TokenType) => token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET
  const isClosing = (token: TokenType) => token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET

  const beginValue = ({ token, value }: ParsedTokenInfo) => {
    if (isOpening(token)) {
      depth = 1
      field = null
      entry = {}
      expected = 'inside'
      return
    }
    if (isClosing(token) || token === TokenType.COLON || token === TokenType.COMMA) return fail()
    if (isKept) take(path, value)
    expected = 'comma or end'
  }

  const readInside = ({ token, value }: ParsedTokenInfo) => {
    if (isOpening(token)) {
      if (depth === 1 && field !== null && isField(field)) entry[field] = value
      depth += 1
      return
    }
    if (isClosing(token)) {
      depth -= 1
      if (depth > 0) return
      if (isKept) take(path, entry)
      expected = 'comma or end'
      return
    }
    if (depth > 1 || token === TokenType.COLON) return
    if (token === TokenType.COMMA) field = null
    else if (field === null) field = String(value)
    else if (isField(field)) {
      entry[field] = value
      if (field === 'since' && typeof value === 'number') newestMs = Math.max(newestMs, value)
    }
  }

  const fail = () => {
    fault ??= 'no JSON'
  }

  const read = (info: ParsedTokenInfo) => {
    if (fault !== null) return
    const { token, value } = info
    switch (expected) {
      case 'object':
        if (token === TokenType.LEFT_BRACE) expected = 'key or end'
        else fault = 'no object'
        return
      case 'key or end':
      case 'key':
        if (token === TokenType.RIGHT_BRACE && expected === 'key or end') expected = 'nothing'
        else if (token === TokenType.STRING) {
          path = String(value)
          isKept = keep(path)
          count += 1
          expected = 'colon'
        } else fail()
        return
      case 'colon':
        if (token === TokenType.COLON) expected = 'value'
        else fail()
        return
      case 'value':
        return beginValue(info)
      case 'inside':
        return readInside(info)
      case 'comma or end':
        if (token === TokenType.COMMA) expected = 'key'
        else if (token === TokenType.RIGHT_BRACE) expected = 'nothing'
        else fail()
        return
      case 'nothing':
        return fail()
      default:
        expected satisfies never
    }
  }

  let hasBegun = false
  const tokenizer = new Tokenizer({ stringBufferSize: STRING_BYTES, numberBufferSize: NUMBER_BYTES })
  tokenizer.onToken = read
  tokenizer.onError = fail

  return {
    write(chunk) {
      if (!hasBegun) {
        const first = chunk.find(byte => byte > SPACE)
        hasBegun = first !== undefined
        if (first === LESS_THAN) fault = 'page'
      }
      if (fault === null) tokenizer.write(chunk)
      return fault === null
    },
    end() {
      if (!hasBegun) return 'empty'
      return fault ?? (expected === 'nothing' ? null : 'no JSON')
    },
    listed: () => ({ count, newestMs }),
  }
}
