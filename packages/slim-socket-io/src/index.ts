export { checkSocketIo, type Support } from './internals/check-socket-io.ts';
export { loadClient } from './internals/client-class.ts';
export {
  asEngineRequest,
  connectionOf,
  engineOf,
  insideOfAdapter,
  insideOfClient,
  insideOfClusterAdapter,
  insideOfNamespace,
  insideOfServer,
  insideOfSocket,
  webSocketOf,
} from './internals/inside-of.ts';
export { keepNamesakes } from './internals/keep-namesakes.ts';
export { type Packet, packetType } from './internals/packet.ts';
export { emittedAgain, failPendingAcks, pendingAcksOf } from './internals/pending-acks.ts';
export type {
  EngineConnection,
  EngineInternals,
  EngineRequest,
  SocketIoClient,
  WebSocketInternals,
} from './internals/private-names.ts';
export { smallIfEmpty } from './memory/empty-object.ts';
export { createShape } from './memory/shape.ts';
export { SmallMap } from './memory/small-map.ts';
export { roomsOf } from './memory/small-rooms.ts';
export { SmallSet } from './memory/small-set.ts';
export { unreadBytes } from './reading/unread-bytes.ts';
export { type SlimOptions, slimSocketIo } from './slim-socket-io.ts';
export type { Connection, QueueWatch } from './writing/connection.ts';
export { emitLocal } from './writing/emit-local.ts';
export { holdUpgradeResponse, sendUpgradeResponse } from './writing/hold-upgrade-response.ts';
export { type MessageCounts, messagesOf } from './writing/messages-of.ts';
export type { StreamNotes } from './writing/outlet.ts';
export { sendQueueOf, watchQueues } from './writing/send-queue.ts';
