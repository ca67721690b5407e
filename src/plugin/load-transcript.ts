import { loadTranscriptEventsSync } from 'openclaw/plugin-sdk/session-store-runtime'
import type { LoadTranscript } from './transcript.ts'

export const loadTranscript: LoadTranscript = async session => loadTranscriptEventsSync(session)
