import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { createSeededRandom } from '../../../src/adapters/memory/seeded-random.ts'

const bytes = (content: string) => new TextEncoder().encode(content)
const text = (data: Uint8Array | null) => data && new TextDecoder().decode(data)

test('a crash forgets a name whose folder was not synced, however well the content was', async () => {
  const disk = createMemoryDisk()
  await disk.write('named', bytes('x'))
  await disk.syncFolder('.')
  await disk.write('nameless', bytes('x'))

  expect(await disk.crash().list('.')).toEqual(['named'])
})

test('a crash forgets what was written since the last sync, renames and removals included', async () => {
  const disk = createMemoryDisk()
  await disk.write('removed', bytes('x'))
  const file = await disk.append('log')
  await file.write(bytes('synced'))
  await file.sync()
  await disk.syncFolder('.')
  await file.write(bytes(' and more'))
  await disk.rename('log', 'other')
  await disk.remove('removed')

  const after = disk.crash()

  expect(after.files()).toEqual(['log', 'removed'])
  expect(text(await after.read('log'))).toBe('synced')
})

test('with a random source a crash may keep a beginning of what was written, and the same seed keeps the same', async () => {
  const crashed = async (seed: number) => {
    const disk = createMemoryDisk({ random: createSeededRandom(seed) })
    const file = await disk.append('log')
    await file.write(bytes('synced '))
    await file.sync()
    await disk.syncFolder('.')
    await file.write(bytes('torn'))
    return text(await disk.crash().read('log'))
  }

  const found = await Promise.all(Array.from({ length: 40 }, (_, seed) => crashed(seed)))

  expect(new Set(found)).toEqual(new Set(['synced ', 'synced t', 'synced to', 'synced tor', 'synced torn']))
  expect(await crashed(7)).toBe(found[7])
})

test('the disk before the crash answers nothing any more', async () => {
  const disk = createMemoryDisk()
  disk.crash()

  await expect(disk.list('.')).rejects.toMatchObject({ code: 'ENODEV' })
})

test('a full disk takes what fits, and has room again when something was removed', async () => {
  const disk = createMemoryDisk()
  await disk.write('big', bytes('0123456789'))
  disk.fill(3)

  await expect(disk.write('file', bytes('hello'))).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(text(await disk.read('file'))).toBe('hel')

  await disk.remove('big')
  await disk.write('file', bytes('hello'))
  expect(text(await disk.read('file'))).toBe('hello')
})

test('after a failed sync the content is there to be read, a second sync succeeds, and a crash shows that it was for nothing', async () => {
  const disk = createMemoryDisk()
  const file = await disk.append('log')
  await disk.syncFolder('.')
  await file.write(bytes('lost'))
  disk.failNextSync()

  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
  await file.sync()

  expect(text(await disk.read('log'))).toBe('lost')
  expect(text(await disk.crash().read('log'))).toBe('')
})

test('a read-only disk can be read and not changed', async () => {
  const disk = createMemoryDisk()
  await disk.write('file', bytes('x'))
  disk.readOnly()

  await expect(disk.write('file', bytes('y'))).rejects.toMatchObject({ code: 'EROFS' })
  await expect(disk.remove('file')).rejects.toMatchObject({ code: 'EROFS' })
  await expect(disk.append('new')).rejects.toMatchObject({ code: 'EROFS' })
  expect(text(await disk.read('file'))).toBe('x')

  disk.readOnly(false)
  await disk.remove('file')
})

test('a damaged byte stays damaged, and an unreadable file fails', async () => {
  const disk = createMemoryDisk()
  await disk.write('file', bytes('abc'))
  await disk.write('other', bytes('abc'))
  await disk.syncFolder('.')

  disk.corrupt('file', 1)
  disk.makeUnreadable('other')

  await expect(disk.read('other')).rejects.toMatchObject({ code: 'EIO' })
  expect(text(await disk.crash().read('file'))).toBe('acc')
})

test('every operation is told to the faults before it happens, and fails with what they throw', async () => {
  const seen: string[] = []
  const disk = createMemoryDisk({
    faults: ({ index, name, path }) => {
      seen.push(`${index} ${name} ${path}`)
      if (index === 2) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    },
  })

  await expect(disk.write('file', bytes('x'))).rejects.toMatchObject({ code: 'EIO' })

  expect(seen).toEqual(['0 open file', '1 write file', '2 sync file'])
  expect(disk.operations()).toBe(3)
})

test('a name that was lost does not come back in a crash over a later one that was synced', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const disk = createMemoryDisk({ random: createSeededRandom(seed) })
    const replace = async (content: string) => {
      await disk.write('file.tmp', bytes(content))
      await disk.rename('file.tmp', 'file')
    }
    await replace('old')
    disk.failNextSync()
    await expect(disk.syncFolder('.')).rejects.toThrow('EIO')
    await replace('new')
    await disk.syncFolder('.')

    expect(text(await disk.crash().read('file'))).toBe('new')
  }
})
