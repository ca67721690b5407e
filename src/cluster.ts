/** For fleets: the charts on Restate, in place of the embedded host. */

export { type Found, type FoundMessage, keyIn } from './cluster/contracts.ts'
export { type Posts, postsAt } from './cluster/posts.ts'
export { type ClusterOptions, createCluster } from './cluster/service/create-cluster.ts'
