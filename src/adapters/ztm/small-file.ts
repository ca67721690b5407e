/** Small files that an operator names in the config: keys, certificates, permits. */
import { readFileSync, statSync } from 'node:fs'

/** Far beyond any of them; a wrong path to a log or a database ends here. */
const FILE_BYTES_MAX = 1_048_576
const READABLE_BY_ALL = 0o004

export type SmallFile = { readonly text: string } | { readonly fault: string }

/** The text, or what is wrong as a clause with its remedy: `does not exist; correct the path`. A secret is its owner's alone. */
export function readSmallFile(path: string, { isSecret }: { readonly isSecret: boolean }): SmallFile {
  try {
    const found = statSync(path)
    // Reading a pipe or a device may never end.
    if (!found.isFile()) return { fault: `is ${found.isDirectory() ? 'a folder' : 'no regular file'}; name a file` }
    if (found.size > FILE_BYTES_MAX) return { fault: `has ${found.size} bytes, far too many; name the right file` }
    // Modes mean nothing on Windows.
    if (isSecret && process.getuid && (found.mode & READABLE_BY_ALL) !== 0) {
      return { fault: `can be read by every user of this machine (mode ${modeOf(found.mode)}); make it yours alone: chmod 600` }
    }
    return { text: readFileSync(path, 'utf8') }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    return { fault: FAULTS[code] ?? `cannot be read (${code}); look at the file` }
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; correct the path, or put the file there',
  ENOTDIR: 'does not exist; correct the path, or put the file there',
  EACCES: 'may not be read by this user; give it the right to (chmod u+r)',
  EPERM: 'may not be read by this user; give it the right to (chmod u+r)',
}

const modeOf = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')
