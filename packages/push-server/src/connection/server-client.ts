import type { Identity } from '@gopush/contract';
import { createShape, smallIfEmpty } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import { sessionOf } from '../session/session.ts';

/** The client of a socket that was admitted. */
export function clientOf(socket: Socket): ServerClient | undefined {
  return sessionOf(socket)?.client;
}

const Query = createShape<Record<string, string | undefined>>();

/** Describes the client of a socket for the server hook. */
export function createClient(
  { id, handshake }: Socket,
  { uid, product }: Identity,
  addressOf: AddressOf,
): ServerClient {
  const query = new Query();
  for (const [name, value] of Object.entries(handshake.query)) query[name] = Array.isArray(value) ? value[0] : value;
  const { headers, address } = handshake;
  return {
    id,
    uid,
    product,
    address: addressOf(headers, address),
    data: smallIfEmpty({}),
    headers,
    query,
    auth: authOf(handshake.auth),
  };
}

/** Without the fields that Socket.IO itself adds for its connection state recovery. */
function authOf({ pid: _pid, offset: _offset, ...auth }: Record<string, unknown>): Record<string, unknown> {
  return smallIfEmpty(auth);
}
