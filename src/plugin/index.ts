/** The plugin's entry. OpenClaw imports it to look at it, too, so nothing here opens a file, a socket or a timer. */
import { defineChannelPluginEntry } from 'openclaw/plugin-sdk/channel-core'
import { createPlugin } from './channel.ts'
import { CHANNEL_ID, CHANNEL_LABEL, DESCRIPTION } from './names.ts'

const { channel, setRuntime } = createPlugin()

export default defineChannelPluginEntry({ id: CHANNEL_ID, name: CHANNEL_LABEL, description: DESCRIPTION, plugin: channel, setRuntime })
