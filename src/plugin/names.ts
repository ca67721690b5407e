/** Id of the plugin, the channel and the config section. */
export const CHANNEL_ID = 'ztm-chat'
/** Works for the channel on OpenClaw's command line; not in `pairing`, and not as a config key. */
export const CHANNEL_ALIAS = 'ztm'
export const CHANNEL_LABEL = 'ZTM Chat'
export const DESCRIPTION = 'Talk to your assistant over a Zero Trust Mesh, peer to peer.'
