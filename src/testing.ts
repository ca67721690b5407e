/** For tests of bots: the whole runtime on a simulated mesh, in virtual time. */
export type { VirtualClock } from './adapters/memory/virtual-clock.ts'
export type { SimAgent } from './simulator/mesh/agent.ts'
export type { SimMesh, SimUser } from './simulator/mesh/mesh.ts'
export { CALM, type Quirks, REAL } from './simulator/mesh/quirks.ts'
export { createWorld, echoResponder, type World, type WorldOptions } from './simulator/world.ts'
