import { UnsafeName } from '../../domain/errors.ts'
import { printable } from '../../domain/shown.ts'

/**
 * Why the ZTM agent would take this name for something else, or null. It puts a name into a file path as it is: with a slash,
 * dots, `#` or `?` the message lands where nobody looks, with a NUL the agent loses its hub for good.
 */
export function faultOf(name: string): string | null {
  if (name === '') return 'is empty'
  if (name === '.' || name === '..') return 'means a folder'
  if (/[/#?]/.test(name)) return 'contains "/", "#" or "?"'
  return faultOfText(name)
}

/** The part that holds for display names, too: what makes a file on the mesh unreadable. */
export function faultOfText(text: string): string | null {
  if (/\p{Cc}/u.test(text)) return 'contains a control character'
  return text.isWellFormed() ? null : 'contains half a surrogate pair'
}

/** Throws when there is a fault. `what` is for the sentence: `user name`. */
export function checkName(what: string, name: string, fault = faultOf(name)): void {
  if (fault) throw new UnsafeName(`The ${what} "${printable(name)}" ${fault}; nothing was sent, correct the name.`)
}

/** One piece of a path. Exactly this encoder: the agent leaves needless escapes as they are, so that `%2D` would not be `-`. */
export function piece(what: string, name: string): string {
  checkName(what, name)
  return encodeURIComponent(name)
}

/** A path of the mesh's file index (`/apps/...`) as pieces, with its leading slash. */
export function filePath(path: string): string {
  const [before, ...pieces] = path.split('/')
  if (before !== '' || pieces.length === 0) {
    throw new UnsafeName(`The file path "${printable(path)}" does not begin with "/"; nothing was sent, give it as in the file index.`)
  }
  return pieces.map(name => `/${piece('part of a file path', name)}`).join('')
}
