import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeFolders } from '../../../src/adapters/store/make-folders.ts'

async function folder() {
  const made = await mkdtemp(join(tmpdir(), 'ztm-chat-folders-'))
  onTestFinished(() => rm(made, { recursive: true }))
  return made
}

test('every folder of the path is made, for this user only, and a second time changes nothing', async () => {
  const root = await folder()
  await makeFolders(join(root, 'a', 'b'))
  await makeFolders(join(root, 'a', 'b'))

  for (const path of ['a', 'a/b']) expect(((await stat(join(root, path))).mode & 0o777).toString(8)).toBe('700')
})

test('a link to a folder is one', async () => {
  const root = await folder()
  await symlink(root, join(root, 'link'))
  await makeFolders(join(root, 'link', 'a'))
  expect((await stat(join(root, 'a'))).isDirectory()).toBe(true)
})

test('where nobody can make a folder it fails, and goes on trying neither there nor above', async () => {
  await expect(makeFolders('/proc/a/b/c')).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a file in the place of a folder, or in the path to it, is told', async () => {
  const root = await folder()
  await writeFile(join(root, 'file'), '')
  await expect(makeFolders(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolders(join(root, 'file', 'a'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})
