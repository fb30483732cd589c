export { loadClient, type Packet, packetType, type SocketIoClient } from './internals/client-class.ts';
export { emittedAgain, failPendingAcks, pendingAcksOf } from './internals/pending-acks.ts';
export { createShape } from './memory/shape.ts';
export { SmallMap } from './memory/small-map.ts';
export { SmallSet } from './memory/small-set.ts';
export { slimSocketIo } from './slim-socket-io.ts';
export { type Connection, queueOf } from './writing/connection.ts';
export { emitLocal } from './writing/emit-local.ts';
export { watchQueues } from './writing/send-queue.ts';
