import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createPlugin } from '../../src/plugin/channel.ts'
import { CHANNEL_ID } from '../../src/plugin/names.ts'
import { MANIFEST_PATH, manifest } from './manifest.ts'

test('the manifest says of the config what the code says (node test/plugin/manifest.ts writes it)', () => {
  expect(JSON.parse(readFileSync(MANIFEST_PATH, 'utf8'))).toEqual(manifest())
})

test('the channel object carries the same schema and hints as the manifest', () => {
  const { schema, uiHints } = manifest().channelConfigs[CHANNEL_ID]
  expect(createPlugin().channel.configSchema).toEqual({ schema, uiHints })
})
