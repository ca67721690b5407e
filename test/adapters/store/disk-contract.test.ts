import { describe, expect, test } from 'vitest'
import { bytes, disks, text } from './world.ts'

describe.each(disks)('a disk, %s', (_name, create) => {
  test('a file that is not there reads as null, and a folder that is not there has no files', async () => {
    const disk = create()

    expect(await disk.read('a/b')).toBeNull()
    expect(await disk.list('a')).toEqual([])
  })

  test('a file has what was written to it, and a second write replaces it', async () => {
    const disk = create()
    await disk.makeFolder('a/b')

    await disk.write('a/b/file', bytes('much more than afterwards'))
    await disk.write('a/b/file', bytes('hello'))

    expect(text(await disk.read('a/b/file'))).toBe('hello')
  })

  test('a folder lists its own files in order, and no folders', async () => {
    const disk = create()
    await disk.makeFolder('a/b')
    for (const path of ['a/z', 'a/b/deeper', 'a/c']) await disk.write(path, bytes('x'))

    expect(await disk.list('a')).toEqual(['c', 'z'])
    expect(await disk.list('.')).toEqual([])
  })

  test('a file opened for appending goes on where it ended', async () => {
    const disk = create()
    const first = await disk.append('log')
    await first.write(bytes('one '))
    await first.sync()
    await first.close()

    const second = await disk.append('log')
    expect(second.size()).toBe(4)
    await second.write(bytes('two'))
    expect(second.size()).toBe(7)
    await second.close()

    expect(text(await disk.read('log'))).toBe('one two')
  })

  test('a file that was cut goes on from the cut', async () => {
    const disk = create()
    const file = await disk.append('log')
    await file.write(bytes('whole torn'))

    await file.truncate(6)
    await file.write(bytes('new'))
    await file.sync()
    await file.close()

    expect(text(await disk.read('log'))).toBe('whole new')
  })

  test('a renamed file replaces the one of that name', async () => {
    const disk = create()
    await disk.makeFolder('a')
    await disk.write('a/old', bytes('old'))
    await disk.write('new', bytes('new'))

    await disk.rename('new', 'a/old')
    for (const folder of ['.', 'a']) await disk.syncFolder(folder)

    expect([await disk.list('.'), text(await disk.read('a/old'))]).toEqual([[], 'new'])
  })

  test('a removed file is gone', async () => {
    const disk = create()
    await disk.write('file', bytes('x'))

    await disk.remove('file')

    expect(await disk.read('file')).toBeNull()
  })

  test('to rename or remove what is not there fails with ENOENT, and so does writing into no folder', async () => {
    const disk = create()

    await expect(disk.rename('a', 'b')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(disk.remove('a')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(disk.write('no/file', bytes('x'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(disk.append('no/file')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test.each(['../x', 'a/../../x', '/x', 'a//x', './x', '', 'a\\x', 'a\0'])('a path that may lead outside is refused: %j', async path => {
    const disk = create()

    await expect(disk.read(path)).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(disk.write(path, bytes('x'))).rejects.toMatchObject({ code: 'EINVAL' })
  })
})
