/** What openclaw.plugin.json has to say. `node test/plugin/manifest.ts` writes it, after a change of the config schema. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configJsonSchema, configUiHints } from '../../src/domain/config.ts'
import { CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from '../../src/plugin/names.ts'

const root = join(import.meta.dirname, '..', '..')
export const MANIFEST_PATH = join(root, 'openclaw.plugin.json')

export function manifest() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return {
    id: CHANNEL_ID,
    name: CHANNEL_LABEL,
    description: DESCRIPTION,
    version,
    categories: ['channels'],
    activation: { onStartup: false },
    channels: [CHANNEL_ID],
    doctorContract: {},
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    channelConfigs: {
      [CHANNEL_ID]: { label: CHANNEL_LABEL, description: DESCRIPTION, schema: configJsonSchema(), uiHints: configUiHints() },
    },
  }
}

if (import.meta.main) writeFileSync(MANIFEST_PATH, `${JSON.stringify(manifest(), null, 2)}\n`)
