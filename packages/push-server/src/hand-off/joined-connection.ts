import type { AddressInfo, Server, Socket } from 'node:net';
import type { TakenConnection } from '@gopush/hand-off';

/** A connection that was handed over, and the address of its server. */
interface Joined {
  readonly connection: TakenConnection;
  readonly address: AddressInfo;
}

/**
 * Where a socket keeps that. Few properties and no definitions: with more than a dozen that its constructor does not make, V8 gives each
 * socket a shape of its own, and all code that uses sockets gets slower.
 */
const joined: unique symbol = Symbol('connection of the taker');
type MaybeJoined = { [joined]?: Joined };

/** What Node keeps of the addresses that it has asked the kernel for; unchanged since Node 0.12. */
interface Addressed {
  _peername?: (Omit<AddressInfo, 'port'> & { readonly port: number | undefined }) | undefined;
  _sockname?: AddressInfo;
}

/** How Node counts the connections of a server, for `close`, `getConnections` and `maxConnections`; unchanged since Node 0.10. */
interface Counting {
  _connections?: number;
}

/**
 * Makes a connection that was handed over look like one that its agent has opened to the port: its addresses are those
 * that an agent on this machine and the server have, and it counts as one of the server's connections. So whatever a
 * server decides by an address (networks of proxies that it trusts, loopback) is the same for tunnels and hand-offs,
 * and `X-Forwarded-For` names the client for both. The port of the client is kept.
 */
export function joinServer(connection: TakenConnection, server: Server, address: AddressInfo): void {
  const { socket } = connection;
  (socket as MaybeJoined)[joined] = { connection, address };
  const own = ownAddress(address);
  const addressed = socket as unknown as Addressed;
  addressed._peername = new Peer(socket, own);
  addressed._sockname = own;
  const counting = server as Counting;
  if (typeof counting._connections !== 'number') return;
  counting._connections++;
  // The socket takes itself off when it closes.
  (socket as unknown as { _server: Server })._server = server;
}

/** The other end of a connection that was handed over. The kernel is asked for the port only if someone wants to know it, which few servers do. */
class Peer {
  readonly address: string;
  readonly family: string;
  readonly #socket: Socket;
  #port: number | undefined = undefined;

  constructor(socket: Socket, { address, family }: AddressInfo) {
    this.#socket = socket;
    this.address = address;
    this.family = family;
  }

  /** As of any socket: unknown if nobody asked before the connection ended. */
  get port(): number | undefined {
    if (this.#port === undefined) {
      const addressed = this.#socket as Addressed;
      addressed._peername = undefined;
      this.#port = this.#socket.remotePort;
      addressed._peername = this;
    }
    return this.#port;
  }
}

/** Whether a server has as many connections as it wants (`maxConnections`), and would close one that comes to its port. */
export function isFull(server: Server): boolean {
  const { _connections: open = 0 } = server as Counting;
  return server.maxConnections > 0 && open >= server.maxConnections;
}

/** The address of the server to which a connection was handed over; `undefined` for any other connection. */
export function takenBy(socket: object): AddressInfo | undefined {
  return (socket as MaybeJoined)[joined]?.address;
}

/** A connection as its taker knows it; `undefined` if it was not handed over. */
export function takenConnectionOf(socket: object): TakenConnection | undefined {
  return (socket as MaybeJoined)[joined]?.connection;
}

const ownAddresses = new WeakMap<AddressInfo, AddressInfo>();

/** The address of a server as its connections from this machine know it: one for all of them. */
function ownAddress(address: AddressInfo): AddressInfo {
  let own = ownAddresses.get(address);
  if (own === undefined) {
    const { family, port } = address;
    own = Object.freeze({ address: loopbackFor(address.address), family, port });
    ownAddresses.set(address, own);
  }
  return own;
}

/** The address by which both ends of a connection from this machine know themselves. */
function loopbackFor(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::ffff:127.0.0.1' : address;
}
