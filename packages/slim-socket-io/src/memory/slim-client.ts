import type { Socket } from 'socket.io';
import { createCompactor } from './compact-listeners.ts';
import { isEmptyList, roomForOne } from './room-for-one.ts';
import { SmallMap } from './small-map.ts';

/** What is used here of a Socket.IO client, which is what all its sockets have in common. None of it is documented. */
interface Client extends Slot {
  conn: Slot;
  decoder: Slot & { _callbacks?: { $decoded?: unknown[] } };
  sockets: unknown;
  nsps: unknown;
  ondata(data: unknown): void;
  onerror(error: Error): void;
  onclose(reason: string, description?: unknown): void;
  ondecoded(packet: unknown): void;
}

/** Where what a client listens to keeps the client. */
const clientOf = Symbol('client');
interface Slot {
  [clientOf]?: Client;
}

/** What a client listens to: the same functions for all, where Socket.IO binds four to each. They call those of the class. */
const listeners = {
  ondata(this: Slot, data: unknown): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).ondata.call(client, data);
  },
  onerror(this: Slot, error: Error): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).onerror.call(client, error);
  },
  onclose(this: Slot, reason: string, description?: unknown): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).onclose.call(client, reason, description);
  },
  ondecoded(this: Slot, packet: unknown): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).ondecoded.call(client, packet);
  },
};
const names = ['ondata', 'onerror', 'onclose', 'ondecoded'] as const;

const compactConnection = createCompactor();
const compactSocket = createCompactor();

/** Has a client that has entered its first namespace take less memory. Where a part is not as we know it, it stays as it is. */
export function slimClient(socket: Socket): void {
  const client = socket.client as unknown as Client;
  if (client.sockets instanceof Map) client.sockets = new SmallMap(client.sockets);
  if (client.nsps instanceof Map) client.nsps = new SmallMap(client.nsps);
  const kept = socket as unknown as { acks: unknown; fns: unknown };
  if (isEmptyList(kept.fns)) kept.fns = roomForOne();
  if (kept.acks instanceof Map) kept.acks = new SmallMap(kept.acks);
  compactSocket(socket);
  share(client);
}

function share(client: Client): void {
  const { conn, decoder } = client;
  const decoded = decoder._callbacks?.$decoded;
  if (!names.every((name) => Object.hasOwn(client, name) && typeof methodsOf(client)[name] === 'function')) return;
  if (decoded?.length !== 1 || decoded[0] !== client.ondecoded) return;
  const own = new Map(names.map((name) => [client[name] as unknown, listeners[name]]));
  compactConnection(conn, (listener) => (own.get(listener) ?? listener) as typeof listener);
  decoder._callbacks = { $decoded: [listeners.ondecoded] };
  // Socket.IO calls them of the client itself as well.
  client[clientOf] = client;
  conn[clientOf] = client;
  decoder[clientOf] = client;
  // By these it takes its listeners away again.
  Object.assign(client, listeners);
}

function methodsOf(client: Client): Pick<Client, (typeof names)[number]> {
  return Object.getPrototypeOf(client);
}
