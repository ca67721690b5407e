/** What openclaw.plugin.json has to say. `node test/plugin/manifest.ts` writes it, after a change of the config schema. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configJsonSchema, configUiHints } from '../../src/domain/config.ts'
import { CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from '../../src/plugin/names.ts'
import { CLI_COMMAND } from '../../src/plugin/operator-methods.ts'
import { setupFields } from '../../src/plugin/setup-fields.ts'
import { LOOKING_TOOLS, WRITING_TOOL } from '../../src/plugin/tools.ts'

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
    doctorContract: { configRepair: true },
    contracts: { tools: [...LOOKING_TOOLS, WRITING_TOOL] },
    toolMetadata: { [WRITING_TOOL]: { optional: true } },
    cliCommands: [CLI_COMMAND],
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    channelConfigs: {
      [CHANNEL_ID]: { label: CHANNEL_LABEL, description: DESCRIPTION, schema: configJsonSchema(), uiHints: configUiHints() },
    },
  }
}

export const PACKAGE_PATH = join(root, 'package.json')

/** The fields of `openclaw.channel.setup` in package.json: the host shows the flags of `channels add` from there, without our code. */
export const packageFields = () => Object.entries(setupFields()).map(([key, field]) => ({ key, ...field }))

if (import.meta.main) {
  writeFileSync(MANIFEST_PATH, `${JSON.stringify(manifest(), null, 2)}\n`)
  const found = JSON.parse(readFileSync(PACKAGE_PATH, 'utf8'))
  found.openclaw.channel.setup = { fields: packageFields() }
  writeFileSync(PACKAGE_PATH, `${JSON.stringify(found, null, 2)}\n`)
}
