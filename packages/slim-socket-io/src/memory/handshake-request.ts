import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { shareHeaders } from './shared-headers.ts';

/** What a request has by itself, and what only setting up the connection needs: none of it is kept. */
const dropped = new Set<PropertyKey>([...Reflect.ownKeys(new IncomingMessage(new Socket())), 'res', 'websocket']);

/**
 * The request by which a client came, as far as anybody asks for it later: Engine.IO keeps the whole one for as long as the client is
 * connected, with its stream, raw headers and response.
 */
export class HandshakeRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly httpVersion: string;
  readonly socket: Socket;

  constructor(request: IncomingMessage) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    shareHeaders(this.headers);
    this.httpVersion = request.httpVersion;
    this.socket = request.socket;
    // What Engine.IO and middlewares have put on it, as its query or a session.
    for (const key of Reflect.ownKeys(request)) {
      if (!dropped.has(key)) Object.assign(this, { [key]: Reflect.get(request, key) });
    }
  }

  /** Older name of the socket, by which Socket.IO asks whether it is encrypted. */
  get connection(): Socket {
    return this.socket;
  }
}
