export { checkSocketIo, type Support } from './internals/check-socket-io.ts';
export { loadClient } from './internals/client-class.ts';
export { emittedAgain, failPendingAcks, pendingAcksOf } from './internals/pending-acks.ts';
export {
  asEngineRequest,
  connectionOf,
  type EngineConnection,
  type EngineInternals,
  type EngineRequest,
  engineOf,
  insideOfAdapter,
  insideOfClient,
  insideOfClusterAdapter,
  insideOfNamespace,
  insideOfServer,
  insideOfSocket,
  type Packet,
  packetType,
  type SocketIoClient,
  type WebSocketInternals,
  webSocketOf,
} from './internals/private-names.ts';
export { createShape } from './memory/shape.ts';
export { SmallMap } from './memory/small-map.ts';
export { SmallSet } from './memory/small-set.ts';
export { type SlimOptions, slimSocketIo } from './slim-socket-io.ts';
export type { Connection, QueueWatch } from './writing/connection.ts';
export { emitLocal } from './writing/emit-local.ts';
export { sendQueueOf, watchQueues } from './writing/send-queue.ts';
