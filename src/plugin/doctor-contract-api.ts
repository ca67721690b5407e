/** OpenClaw looks for this file by its name. */
export { legacyConfigRules, normalizeCompatibilityConfig } from './doctor.ts'
