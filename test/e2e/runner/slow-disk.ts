/** Loaded into a runner before the runner itself: a disk that takes its time to make something durable, so that a death can meet it. */
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

const SYNC_MS = 15

const file = await open(process.execPath)
const handles = Object.getPrototypeOf(file) as FileHandle
const { datasync } = handles
handles.datasync = async function (this: FileHandle) {
  await pause(SYNC_MS)
  await datasync.call(this)
}
await file.close()
