/** For a channel that is off or not configured yet: the same object, of which no account is ever started. */
import { defineSetupPluginEntry } from 'openclaw/plugin-sdk/channel-core'
import { createPlugin } from './channel.ts'

export default defineSetupPluginEntry(createPlugin().channel)
