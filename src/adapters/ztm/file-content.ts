/** Files of the chat app, piece by piece, both ways. */
import { createHash } from 'node:crypto'
import { TransformStream } from 'node:stream/web'
import type { Content } from '../../ports/ztm-agent.ts'

export interface Reader {
  /** Resolves when somebody has taken it; false when nobody wants any more. */
  write(chunk: Uint8Array): Promise<boolean>
  /** Resolves with null at the first bytes. */
  readonly begun: Promise<null>
  /** What was written, one piece at a time; it throws what `fail` is given. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** No more comes: that was all of it, or another content. */
  end(): void
  fail(error: unknown): void
}

/** The chat app's own scheme: the bytes, then their number. */
function createHasher() {
  const digest = createHash('sha256')
  let size = 0
  return {
    add(chunk: Uint8Array) {
      digest.update(chunk)
      size += chunk.length
    },
    hash: () => digest.copy().update(String(size)).digest('hex'),
  }
}

/** One of a file whose hash is known; `fault` is thrown at its end when it was another. */
export function createReader(hash: string, fault: () => Error): Reader {
  // Room for nothing: a piece is written when it is read.
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 1 }, { highWaterMark: 0 })
  const writer = writable.getWriter()
  const begun = Promise.withResolvers<null>()
  const hasher = createHasher()
  // Whoever has left it hears of no end.
  const unheard = () => {}
  const fail = (error: unknown) => void writer.abort(error).catch(unheard)
  writer.closed.catch(unheard)
  return {
    begun: begun.promise,
    chunks: readable,
    write(chunk) {
      begun.resolve(null)
      hasher.add(chunk)
      return writer.write(chunk).then(
        () => true,
        () => false,
      )
    },
    end() {
      if (hasher.hash() === hash) writer.close().catch(unheard)
      else fail(fault())
    },
    fail,
  }
}

export interface Watched {
  readonly content: Content
  /** What the pieces ended with; null when they came to their end. */
  failure(): unknown
  /** Of what was read so far. */
  hash(): string
}

/** The same pieces, looked at as they are read. */
export function watched({ size, chunks }: Content): Watched {
  const { add, hash } = createHasher()
  let failure: unknown = null
  async function* read() {
    try {
      for await (const chunk of chunks) {
        add(chunk)
        yield chunk
      }
    } catch (error) {
      failure = error
      throw error
    }
  }
  return { content: { size, chunks: read() }, failure: () => failure, hash }
}
