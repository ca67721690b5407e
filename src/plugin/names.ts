import { createHash } from 'node:crypto'
import type { MessageId } from '../domain/ids.ts'

/** Id of the plugin, the channel and the config section. */
export const CHANNEL_ID = 'ztm-chat'
/** Works for the channel on OpenClaw's command line; not in `pairing`, and not as a config key. */
export const CHANNEL_ALIAS = 'ztm'
export const CHANNEL_LABEL = 'ZTM Chat'
export const DESCRIPTION = 'Talk to your assistant over a Zero Trust Mesh, peer to peer.'

const MARK_DIGITS = 12

/** Stands behind a name that the host has folded to lower case in a session key: on the mesh `Alice` and `alice` are two people. */
export const markOf = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, MARK_DIGITS)

/** The host takes each id once: a message that it has lost is asked under another one. */
export const hostIdOf = (id: MessageId, losses: number): string => (losses > 0 ? `${id}/${losses}` : id)
export const messageOf = (hostId: string): MessageId => hostId.replace(/\/\d+$/, '')
