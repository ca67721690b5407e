export { createEngine } from '../engine.ts'
export { openTables } from '../tables.ts'
export { exportState } from './export-state.ts'
export { importState } from './import-state.ts'
