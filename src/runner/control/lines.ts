import type { Socket } from 'node:net'

/** The lines that a socket brings, until it ends. One that is too long ends it with an error. */
export async function* linesOf(socket: Socket, bytesMax: number): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.subarray(0, end).toString('utf8')
      rest = rest.subarray(end + 1)
    }
    if (rest.length > bytesMax) throw new Error(`A line on the control socket has more than ${bytesMax} bytes.`)
  }
}
