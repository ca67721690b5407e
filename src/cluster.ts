/** For fleets: the charts on Restate, in place of the embedded host. */

export { keyIn, type Received } from './cluster/contracts.ts'
export { type ClusterOptions, createCluster } from './cluster/create-cluster.ts'
