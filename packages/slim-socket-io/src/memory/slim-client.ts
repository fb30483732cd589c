import { isDeepStrictEqual } from 'node:util';
import type { Socket } from 'socket.io';
import { insideOfClient } from '../internals/inside-of.ts';
import type { Packet } from '../internals/packet.ts';
import type { DecoderInternals, Listener, SocketIoClient } from '../internals/private-names.ts';
import { createCompactor } from './compact-listeners.ts';
import { smallIfEmpty } from './empty-object.ts';
import { slimHandshake } from './slim-handshake.ts';
import { SmallMap } from './small-map.ts';

/** A client whose parts can be replaced. */
type Client = Slot &
  Pick<SocketIoClient<unknown>, 'ondata' | 'onerror' | 'onclose' | 'ondecoded'> & {
    readonly conn: Slot;
    readonly decoder: Slot & DecoderInternals;
    sockets: unknown;
    nsps: unknown;
  };

/** Where everything that a client listens to keeps the client. */
const clientOf = Symbol('client');
interface Slot {
  [clientOf]?: Client | undefined;
}

/** What a client listens to: the same functions for all clients, where Socket.IO binds four to each. They call the methods of the class. */
const listeners = {
  ondata(this: Slot, data: string | Uint8Array | ArrayBuffer | undefined): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).ondata.call(client, data);
  },
  onerror(this: Slot, error: Error): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).onerror.call(client, error);
  },
  onclose(this: Slot, reason: string, description?: unknown): void {
    const client = this[clientOf];
    if (client === undefined) return;
    methodsOf(client).onclose.call(client, reason, description);
    // All decoders have the same listeners, so Socket.IO cannot remove that of one.
    client.decoder[clientOf] = undefined;
  },
  ondecoded(this: Slot, packet: Packet): void {
    const client = this[clientOf];
    if (client !== undefined) methodsOf(client).ondecoded.call(client, packet);
  },
};
const names = ['ondata', 'onerror', 'onclose', 'ondecoded'] as const;

/** What listens to the decoders of all clients. It is none of the functions that a client has, or Socket.IO would remove it with the first client. */
const ofDecoders = Object.freeze({
  $decoded: Object.freeze([
    function onDecoded(this: Slot, packet: Packet): void {
      listeners.ondecoded.call(this, packet);
    },
  ]),
});

const compactConnection = createCompactor();
const compactSocket = createCompactor();

/** A middleware for the new sockets of a namespace, before any other: nobody else has their parts yet. */
export function slimNewSocket(socket: Socket, next: () => void): void {
  const parts = socket as { data: unknown; handshake: Socket['handshake'] };
  if (!socket.recovered) parts.data = smallIfEmpty(socket.data);
  parts.handshake = slimHandshake(socket.handshake);
  next();
}

/** Lets a client that has entered its first namespace take less memory. Parts that are not as gopush knows them stay as they are. */
export function slimClient(socket: Socket): void {
  const client = insideOfClient(socket) as unknown as Client;
  if (client.sockets instanceof Map) client.sockets = new SmallMap(client.sockets);
  if (client.nsps instanceof Map) client.nsps = new SmallMap(client.nsps);
  const kept = socket as unknown as { acks: unknown };
  if (kept.acks instanceof Map) kept.acks = new SmallMap(kept.acks);
  compactSocket(socket);
  share(client);
}

function share(client: Client): void {
  const { conn, decoder } = client;
  const decoded = decoder._callbacks.$decoded;
  if (!names.every((name) => Object.hasOwn(client, name) && typeof methodsOf(client)[name] === 'function')) return;
  if (decoded?.length !== 1 || decoded[0] !== client.ondecoded) return;
  compactConnection(conn, (listener) => sharedOf(client, listener));
  decoder._callbacks = ofDecoders;
  decoder.opts = sharedOptions(decoder.opts);
  // Socket.IO also calls them as methods of the client itself.
  client[clientOf] = client;
  conn[clientOf] = client;
  decoder[clientOf] = client;
  // Socket.IO removes its listeners by these.
  Object.assign(client, listeners);
}

let options: unknown;

/** One object for all clients, as long as they have the same. */
function sharedOptions(own: unknown): unknown {
  if (!isDeepStrictEqual(own, options)) options = own;
  return options;
}

/** The shared function for one that Socket.IO has bound to a client; any other listener as it is. */
function sharedOf(client: Client, listener: Listener): Listener {
  const one: unknown = listener;
  for (const name of names) if (client[name] === one) return listeners[name] as Listener;
  return listener;
}

function methodsOf(client: Client): Pick<Client, (typeof names)[number]> {
  return Object.getPrototypeOf(client);
}
