import type { EngineConnection } from '../internals/private-names.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/** How many messages a WebSocket has carried. */
export interface MessageCounts {
  /** From the client. */
  readonly received: number;
  /** To the client. */
  readonly sent: number;
}

/** The messages of a connection's WebSocket; `undefined` if nothing counts them, as without faster writing. */
export function messagesOf({ transport }: Pick<EngineConnection, 'transport'>): MessageCounts | undefined {
  return transport instanceof WebSocketTransport ? transport : undefined;
}
