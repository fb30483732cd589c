import { Socket } from 'node:net';
import { type Account, Outlet } from './outlet.ts';

/** What is used here of an Engine.IO transport. Only that of WebSocket has a `socket`, and the two callbacks it gives to `ws`. */
export interface Transport {
  readonly name: string;
  readonly writable: boolean;
  readonly perMessageDeflate?: unknown;
  readonly socket?: {
    readonly _socket?: unknown;
    readonly _receiver?: unknown;
    readonly _sender?: Partial<Account> & { _socket?: unknown };
  };
  readonly _onSent?: unknown;
  readonly _onSentLast?: unknown;
  [outletOf]?: Outlet;
}

/** Where a transport keeps its outlet. */
export const outletOf: unique symbol = Symbol('outlet');

/**
 * Puts an outlet before the connection of a transport. The seam is the sender's `_socket`, the one thing `ws` writes to after its
 * handshake. Long-polling has none; where a part is not as we know it everything stays as it is, only slower.
 */
export function joinWrites(transport: Transport): void {
  const { socket: ws, _onSent: onSent, _onSentLast: onSentLast } = transport;
  const socket = ws?._socket;
  const sender = ws?._sender;
  if (!(socket instanceof Socket) || sender === undefined || sender._socket !== socket) return;
  if (typeof sender._bufferedBytes !== 'number') return;
  if (typeof onSent !== 'function' || typeof onSentLast !== 'function') return;
  // These only tell Engine.IO to go on. What it then sends is to leave with this, so they are not kept waiting.
  const outlet = new Outlet(socket, sender as Account, (written) => written === onSentLast || written === onSent);
  sender._socket = outlet;
  transport[outletOf] = outlet;
}
