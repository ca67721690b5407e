/** The files of the page, read once: what is asked for is looked up by name, and no path is ever made from a request. */
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export type PageFile = { readonly type: string; readonly content: Buffer }

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
}

/** Beside this file in the package; in a checkout, where the build puts it. */
const FOLDERS = [join(import.meta.dirname, 'static'), join(import.meta.dirname, '../../dist/src/inspector/static')]

/** By the path of their URL. Empty when the page was never built. */
export async function readPage(): Promise<ReadonlyMap<string, PageFile>> {
  for (const folder of FOLDERS) {
    const names = await readdir(folder, { recursive: true }).catch(() => [])
    const files = new Map<string, PageFile>()
    for (const name of names) {
      const type = TYPES[extname(name)]
      if (type) files.set(`/${name.replaceAll('\\', '/')}`, { type, content: await readFile(join(folder, name)) })
    }
    const index = files.get('/index.html')
    if (index) return files.set('/', index)
  }
  return new Map()
}
