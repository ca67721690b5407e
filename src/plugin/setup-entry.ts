/** For a channel that is off or not configured yet: the same object, of which no account is ever started. */
import { defineSetupPluginEntry } from 'openclaw/plugin-sdk/channel-core'
import { defineChannelSetupContract } from 'openclaw/plugin-sdk/channel-setup'
import { createPlugin } from './channel.ts'

export default defineSetupPluginEntry(createPlugin(defineChannelSetupContract).channel)
