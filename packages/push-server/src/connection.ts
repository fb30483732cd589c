import { agentHeader, events, failures, greeting, type Identity, readIdentity, type Welcome } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import { handleRooms } from './rooms/handle-rooms.ts';
import type { Push } from './rooms/push.ts';
import { roomOfUser } from './rooms/room-names.ts';

/** What serving a connection needs. */
export interface ConnectionContext {
  /** Name of this push-server. */
  readonly node: string;
  readonly push: Push;
  readonly log: Logger;
}

/** Socket.IO middleware: a client without a uid is refused. */
export function identify(socket: Socket, next: (error?: Error) => void): void {
  const { headers, query } = socket.handshake;
  const identity = readIdentity(headers, query);
  if (identity.ok) {
    identities.set(socket, identity.value);
    next();
    return;
  }
  const { code } = identity.failure;
  const { message } = failures[code];
  next(Object.assign(new Error(message), { data: { code, message } }));
}

/** A connection's line: its user's room → the greeting → what it asks for. */
export async function handleConnection(socket: Socket, { node, push, log }: ConnectionContext): Promise<void> {
  const identity = identities.get(socket);
  if (identity === undefined) return;
  const { uid, product } = identity;
  // Entered at once; only telling other nodes could take longer, and nothing waits for that.
  void socket.join(roomOfUser(uid));
  const agent = socket.handshake.headers[agentHeader];
  const welcome: Welcome = { uid, product, agent: typeof agent === 'string' ? agent : null, server: node };
  socket.emit(events.welcome, welcome);
  socket.emit(events.push, greeting);
  handleRooms(socket, push, log);
}

const identities = new WeakMap<Socket, Identity>();
