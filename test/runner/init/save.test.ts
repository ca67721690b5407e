import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigInvalid } from '../../../src/domain/errors.ts'
import { saveConfig } from '../../../src/runner/init/save.ts'
import { folderInTest } from '../cli.ts'

test('a new file is for its owner only, and one that is there is never taken for new', async () => {
  const path = join(await folderInTest(), 'bot.json5')

  expect(await saveConfig(path, 'one', { replaces: false })).toBeNull()
  await expect(saveConfig(path, 'two', { replaces: false })).rejects.toThrow(
    new ConfigInvalid([`${path} cannot be written (it has been made by somebody else meanwhile); name another file with --config.`]),
  )

  expect(await readFile(path, 'utf8')).toBe('one')
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600')
})

test('what is replaced is kept, however often', async () => {
  const folder = await folderInTest()
  const path = join(folder, 'bot.json5')
  await writeFile(path, 'first')

  expect(await saveConfig(path, 'second', { replaces: true })).toBe(`${path}.bak`)
  expect(await saveConfig(path, 'third', { replaces: true })).toBe(`${path}.bak2`)

  expect(await readdir(folder)).toEqual(['bot.json5', 'bot.json5.bak', 'bot.json5.bak2'])
  expect(await Promise.all(['', '.bak', '.bak2'].map(end => readFile(path + end, 'utf8')))).toEqual(['third', 'first', 'second'])
})

test('where nothing can be written that is said, and nothing is left behind', async () => {
  const folder = await folderInTest()
  await expect(saveConfig(join(folder, 'no', 'bot.json5'), 'x', { replaces: false })).rejects.toThrow('its folder does not exist')
  await expect(saveConfig('/dev/null/bot.json5', 'x', { replaces: false })).rejects.toThrow('its folder is a file')
  await mkdir(join(folder, 'bot.json5'))
  await chmod(join(folder, 'bot.json5'), 0o700)
  await expect(saveConfig(join(folder, 'bot.json5'), 'x', { replaces: true })).rejects.toBeInstanceOf(ConfigInvalid)
  expect(await readdir(folder)).toEqual(['bot.json5'])
})
