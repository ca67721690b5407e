import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createPlugin } from '../../src/plugin/channel.ts'
import { CHANNEL_ID } from '../../src/plugin/names.ts'
import { defineSetup } from './define-setup.ts'
import { MANIFEST_PATH, manifest, PACKAGE_PATH, packageFields } from './manifest.ts'

test('the manifest says of the config what the code says (node test/plugin/manifest.ts writes it)', () => {
  expect(JSON.parse(readFileSync(MANIFEST_PATH, 'utf8'))).toEqual(manifest())
})

test('the channel object carries the same schema and hints as the manifest', () => {
  const { schema, uiHints } = manifest().channelConfigs[CHANNEL_ID]
  expect(createPlugin(defineSetup).channel.configSchema).toEqual({ schema, uiHints })
})

test('package.json offers a flag for every option of an account, as the code does', () => {
  const { openclaw } = JSON.parse(readFileSync(PACKAGE_PATH, 'utf8'))

  expect(openclaw.channel.setup.fields).toEqual(packageFields())
  expect(packageFields().map(({ key }) => key)).toEqual(
    expect.arrayContaining(['agentUrl', 'dmPolicy', 'tlsKey', 'groupPermissions', 'limits']),
  )
})
