import { join } from 'node:path'
import { complain, print, printJson } from '../output.ts'
import { staleDrawings, writeDrawings } from '../statecharts/drawings.ts'
import { UsageError } from '../usage-error.ts'

export type StatechartsOptions = { readonly out: string; readonly check: boolean; readonly json: boolean }

export async function statecharts({ out, check, json }: StatechartsOptions): Promise<number> {
  if (!check) {
    for (const name of await writeDrawings(out).catch(error => cannotDraw(out, error)))
      json ? printJson({ drawn: join(out, name) }) : print(join(out, name))
    return 0
  }
  const stale = await staleDrawings(out)
  for (const { name, why } of stale) json ? printJson({ file: join(out, name), why }) : complain(`${join(out, name)} is ${why}.`)
  if (stale.length > 0) complain('Draw the statecharts anew with "npm run statecharts".')
  return stale.length > 0 ? 1 : 0
}

function cannotDraw(out: string, cause: unknown): never {
  const code = cause instanceof Error && 'code' in cause ? cause.code : cause
  throw new UsageError(`Nothing can be drawn in ${JSON.stringify(out)} (${code}); name a folder with --out.`)
}
