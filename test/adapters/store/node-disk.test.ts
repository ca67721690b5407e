import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNodeDisk } from '../../../src/adapters/store/node-disk.ts'
import { bytes, temporaryFolder } from './world.ts'

const mode = (path: string) => statSync(path).mode & 0o777

test('files and folders are for their owner alone', async () => {
  const root = temporaryFolder()
  const disk = createNodeDisk(root)

  await disk.makeFolder('a/b')
  await disk.write('a/written', bytes('x'))
  await (await disk.append('a/appended')).close()

  expect([mode(join(root, 'a')), mode(join(root, 'a/b'))]).toEqual([0o700, 0o700])
  expect([mode(join(root, 'a/written')), mode(join(root, 'a/appended'))]).toEqual([0o600, 0o600])
})

test('a link is not followed, be it a file or a folder on the way', async () => {
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'secret'), 'untouched')
  const root = temporaryFolder()
  symlinkSync(join(outside, 'secret'), join(root, 'file'))
  symlinkSync(outside, join(root, 'folder'))
  const disk = createNodeDisk(root)

  await expect(disk.read('file')).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(disk.write('file', bytes('x'))).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(disk.append('folder/new')).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(disk.list('folder')).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(disk.remove('folder/secret')).rejects.toMatchObject({ code: 'ELOOP' })
})

test('the root itself may be a link: where the state lives is the user’s choice', async () => {
  const real = temporaryFolder()
  mkdirSync(join(real, 'state'))
  symlinkSync(join(real, 'state'), join(real, 'link'))
  const disk = createNodeDisk(join(real, 'link'))

  await disk.write('file', bytes('x'))

  expect(await disk.list('.')).toEqual(['file'])
})
