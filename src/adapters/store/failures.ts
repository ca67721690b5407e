import { StoreUnusable } from '../../domain/errors.ts'

const REMEDIES: Readonly<Record<string, (where: string) => string>> = {
  ENOSPC: where => `there is no room left on the disk of ${where}; make room, the work then goes on by itself`,
  EDQUOT: where => `the disk quota of ${where} is used up; make room, the work then goes on by itself`,
  EROFS: where => `the disk of ${where} is read-only; make it writable`,
  EIO: where => `the disk of ${where} does not work; check it`,
  EFBIG: where => `the files of ${where} may not grow so far; raise the limit on file sizes (ulimit -f)`,
  EACCES: where => `this user has no right to it; make ${where} and what is in it belong to this user`,
  EPERM: where => `this user has no right to it; make ${where} and what is in it belong to this user`,
  EEXIST: where => `there is a file where ${where} or a folder in it belongs; remove it, or use another state directory`,
  ENOTDIR: where => `there is a file in the path of ${where} where a folder belongs; use another state directory`,
  ENOENT: where => `a folder is gone, or none can be made there; put ${where} back, or use another state directory`,
  ENAMETOOLONG: where => `${where} is too long a path; use another state directory`,
  ELOOP: where => `there is a link in ${where} where a plain file or folder belongs; remove the link`,
  EMFILE: () => 'too many files are open in this process; raise its limit (ulimit -n)',
  ENFILE: () => 'too many files are open on this machine; raise its limit',
}

/** What went wrong with the disk, in a sentence that says what to do. All of it can be mended, so all of it is worth another try. */
export function storeFailure(cause: unknown, what: string, where: string): StoreUnusable {
  if (cause instanceof StoreUnusable) return cause
  const code = codeOf(cause)
  const remedy = REMEDIES[code ?? '']?.(where) ?? `the disk of ${where} answered: ${cause instanceof Error ? cause.message : String(cause)}`
  return new StoreUnusable(`${what} failed${code ? ` (${code})` : ''}: ${remedy}.`, true, { cause })
}

/** The operating system's name of a failure. */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

export function newerVersion(file: string, version: number, where: string): StoreUnusable {
  return new StoreUnusable(
    `${file} in ${where} was written by a newer version (${version}); install that version or use another state directory.`,
    false,
  )
}
