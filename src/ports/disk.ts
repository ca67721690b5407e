/**
 * The few file operations the store needs. Paths are relative to one account's folder, with `/`, and never come from the mesh.
 * NOT promised: that anything written survives power loss before `sync` (a file) or `syncFolder` (its name) has returned.
 * Every failure is the operating system's own error with its `code` (`ENOSPC`, `EACCES`, `EIO`).
 */
export interface Disk {
  /** Names of the files directly in `folder`, sorted; `[]` when it does not exist. */
  list(folder: string): Promise<readonly string[]>
  /** Whole file, or null when there is none. */
  read(path: string): Promise<Uint8Array | null>
  /** Makes the folder and its parents, mode 0700. */
  makeFolder(folder: string): Promise<void>
  /** Opens for appending, made when missing, mode 0600. */
  append(path: string): Promise<DiskFile>
  /** Writes a whole new file (mode 0600) and makes its content durable; not its name. */
  write(path: string, data: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes names (new, renamed, removed files) in this folder durable. */
  syncFolder(folder: string): Promise<void>
}

export interface DiskFile {
  /** Bytes in the file at present. */
  size(): number
  write(data: Uint8Array): Promise<void>
  /** fdatasync. After a failure nothing written since the last success may be taken for durable, and this file must not be used again. */
  sync(): Promise<void>
  /** Cuts the file; used on a torn tail. */
  truncate(size: number): Promise<void>
  close(): Promise<void>
}
