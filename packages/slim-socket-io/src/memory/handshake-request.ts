import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { createShape } from './shape.ts';
import { shareHeaders, shareUrl } from './shared-headers.ts';

/** Properties of every request, and those that only setting up the connection needs: none of them is kept. */
const dropped = new Set<PropertyKey>([...Reflect.ownKeys(new IncomingMessage(new Socket())), 'res', 'websocket']);

/**
 * The request of a client's handshake without its stream, raw headers and response, all of which Engine.IO keeps for as long as the client is
 * connected.
 */
export class HandshakeRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly httpVersion: string;
  readonly socket: Socket;

  constructor(request: IncomingMessage) {
    this.method = request.method;
    this.url = shareUrl(request.url);
    // A copy, for which V8 uses a layout that requests share: to those of a browser, which Node adds one by one, it gives a hash table of 1.7 kB.
    this.headers = { ...request.headers };
    shareHeaders(this.headers);
    this.httpVersion = request.httpVersion;
    this.socket = request.socket;
    // Properties that Engine.IO and middlewares have added, as the query or a session.
    for (const key of Reflect.ownKeys(request)) {
      if (!dropped.has(key)) Object.assign(this, { [key]: compactTable(Reflect.get(request, key), key === '_query') });
    }
  }

  /** Older name of the socket, which Socket.IO uses to find out whether it is encrypted. */
  get connection(): Socket {
    return this.socket;
  }
}

const Table = createShape<Record<PropertyKey, unknown>>();

/** Makes ordinary objects, with as much room as a query needs. */
const PlainTable = function PlainTable() {} as unknown as new () => Record<PropertyKey, unknown>;
PlainTable.prototype = Object.prototype;

/**
 * The same table, in an object of a shared layout if it is an object without a prototype; anything else as it is.
 *
 * @param isQuery - whether it is the one that Engine.IO has made: an ordinary object, which nobody else has
 */
function compactTable(value: unknown, isQuery: boolean): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return Object.assign(new Table(), value);
  return isQuery && prototype === Object.prototype ? Object.assign(new PlainTable(), value) : value;
}
