/** The plugin's entry. OpenClaw imports it to look at it, too, so nothing here opens a file, a socket or a timer. */
import { defineChannelPluginEntry } from 'openclaw/plugin-sdk/channel-core'
import { defineChannelSetupContract } from 'openclaw/plugin-sdk/channel-setup'
import { createPlugin } from './channel.ts'
import { CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from './names.ts'
import { CLI_COMMAND } from './operator-methods.ts'

const { channel, setRuntime, registerFull } = createPlugin(defineChannelSetupContract)

export default defineChannelPluginEntry({
  id: CHANNEL_ID,
  name: CHANNEL_LABEL,
  description: DESCRIPTION,
  plugin: channel,
  setRuntime,
  registerCliMetadata(api) {
    api.registerCli(async ({ program }) => (await import('./operator-cli.ts')).addOperatorCommands(program), { descriptors: [CLI_COMMAND] })
  },
  registerFull,
})
