import { createRequire } from 'node:module';
import type { Server, Socket } from 'socket.io';

/** A packet: https://socket.io/docs/v4/socket-io-protocol */
export interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number;
  readonly data?: unknown;
}

/** The types of packets. Those with binary parts have the type of those without once they are whole. */
export const packetType = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4 } as const;

/** What Socket.IO has of a connection, with what is used here. None of it is documented; unchanged since Socket.IO 3. */
export interface SocketIoClient<Connection> {
  readonly conn: Connection;
  readonly server: Server;
  /** Sockets by their ids. */
  readonly sockets: ReadonlyMap<string, Socket>;
  /** Sockets by their namespaces. */
  readonly nsps: ReadonlyMap<string, Socket>;
  /** Its `reconstructor` is there while parts of a packet are to come. */
  readonly decoder: { readonly reconstructor?: unknown };
  /** Each packet that came whole. */
  ondecoded(packet: Packet): void;
  /** Each message that came; `undefined` where it is empty. */
  ondata(data: string | Uint8Array | ArrayBuffer | undefined): void;
  /** What came was no packet. */
  onerror(error: Error): void;
  /** The connection has ended. */
  onclose(reason: string, description?: unknown): void;
  /** Enters a namespace. */
  connect(namespace: string, auth?: object): void;
  /** A socket has ended. */
  _remove(socket: Socket): void;
  /** Which namespace a packet is for, and what a CONNECT has with it. */
  _parseNamespace(packet: Packet): { readonly namespace: string; readonly authPayload: unknown };
  _packet(packet: Packet, options?: object): void;
  /** Writes what is encoded. */
  writeToEngine(packets: readonly (string | Buffer)[], options: object): void;
}

const used = [
  'ondecoded',
  'ondata',
  'onerror',
  'onclose',
  'connect',
  '_remove',
  '_parseNamespace',
  '_packet',
  'writeToEngine',
] as const;

/**
 * The class of which Socket.IO makes one for each connection. Socket.IO does not export it.
 *
 * @throws Error where this version of Socket.IO has another one
 */
export function loadClient<Connection>(): new (io: Server, conn: Connection) => SocketIoClient<Connection> {
  const main = createRequire(import.meta.url).resolve('socket.io');
  const require = createRequire(main);
  const { Client } = require('./client.js');
  for (const name of used) {
    if (typeof Client?.prototype?.[name] === 'function') continue;
    const { version } = require('../package.json');
    throw new Error(
      `socket.io ${version} has no Client.${name}: gopush cannot bound what clients send with this version`,
    );
  }
  return Client;
}
