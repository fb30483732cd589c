export type { Act } from './act/node-actions.ts';
export { Moves } from './announce/moves.ts';
export type { NodeFacts, RoomFacts, TargetFacts } from './announce/node-facts.ts';
export { Pauses } from './announce/pauses.ts';
export { type ClusterPart, createClusterPart } from './cluster-part.ts';
export type { RoomResponse, UserResponse } from './look/look-routes.ts';
export type { RouterFacts, RouterState } from './summary/router-state.ts';
export { type ClusterState, clusterJsonSchema } from './view/cluster-state.ts';
export type { ClusterHistory } from './view/join-history.ts';
