/** Functions of another process: what is measured runs by itself, so that memory and CPU time are its own. */
import { type ChildProcess, fork } from 'node:child_process'

// biome-ignore lint/suspicious/noExplicitAny: the parameters of each function are its own, and `Parameters` finds them again.
export type Handlers = { readonly [name: string]: (...args: any[]) => unknown }

/** `BENCH_PROFILE=FOLDER npm run bench` leaves a CPU profile of every process there. */
const folder = process.env['BENCH_PROFILE']
const PROFILE = folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []

type Request = { readonly id: number; readonly name: string; readonly args: readonly unknown[] }
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: string }

/** In the child. Ends with its parent. */
export function serve(handlers: Handlers): void {
  process.on('message', async ({ id, name, args }: Request) => {
    try {
      const reply: Reply = { id, result: await handlers[name]?.(...args) }
      process.send?.(reply)
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Reply)
    }
  })
  process.on('disconnect', () => process.exit())
}

export interface Child<Served extends Handlers> {
  call<Name extends keyof Served & string>(name: Name, ...args: Parameters<Served[Name]>): Promise<Awaited<ReturnType<Served[Name]>>>
  end(): Promise<void>
}

/** `file` is a module that calls `serve`; `options` are Node's. */
export function start<Served extends Handlers>(file: URL, options: readonly string[] = []): Child<Served> {
  const child: ChildProcess = fork(file, { serialization: 'advanced', execArgv: ['--expose-gc', ...options, ...PROFILE] })
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  let last = 0
  child.on('message', ({ id, result, error }: Reply) => {
    const waiter = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) waiter?.resolve(result)
    else waiter?.reject(new Error(`${file.pathname.split('/').at(-1)}: ${error}`))
  })
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${file.pathname.split('/').at(-1)} ended with code ${child.exitCode}.`))
  })
  return {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve: result => resolve(result as never), reject })
        child.send({ id: last, name, args } satisfies Request)
      }),
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
