import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A listener to Node's `upgrade` event. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Creates a listener to a server's upgrades that accepts only WebSockets, each after the responses to earlier requests on its connection. Any other
 * `Upgrade` is ignored, and its request is served as if it had none (RFC 9110 section 7.8): `h2c` of Java's HttpClient and `curl --http2`,
 * `TLS/1.2`, anything in HTTP/1.0.
 *
 * @param onWebSocket - serves WebSockets; absent: no upgrade is accepted
 */
export function serveUpgrades(server: Server, onWebSocket?: UpgradeListener): UpgradeListener {
  // A header that Node drops could be the one that defines the length of the body.
  server.maxHeadersCount = 0;
  return (request, socket, head) => {
    const serve = (): void => {
      if (socket.destroyed) return;
      if (onWebSocket === undefined || !asksForWebSocket(request))
        ignoreUpgrade(server, request, socket as Socket, head);
      else {
        request.headers.upgrade = 'websocket';
        onWebSocket(request, socket, head);
      }
    };
    if ((socket as Responding)._httpMessage) afterResponses(socket as Responding, serve);
    else serve();
  };
}

/**
 * Whether a request asks for a WebSocket (RFC 6455 section 4.2.1). If it offers other protocols as well, the rest of the handshake must be present:
 * otherwise the client can do without the upgrade.
 */
function asksForWebSocket({ headers, httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  if (headers.upgrade === undefined || httpVersionMajor !== 1 || httpVersionMinor < 1) return false;
  const offers = headers.upgrade.toLowerCase().split(',');
  if (offers.length > 1 && headers['sec-websocket-key'] === undefined) return false;
  return offers.some((offer) => offer.trim() === 'websocket');
}

/** Node's own property of a connection: the response that is being sent. */
interface Responding extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/** Waits for the responses to earlier pipelined requests. Node has released the connection to the upgrade, so nothing else drains them. */
function afterResponses(socket: Responding, then: () => void): void {
  const onDrain = (): void => {
    const response = socket._httpMessage;
    if (response?.writableNeedDrain) response.emit('drain');
  };
  const next = (): void => {
    const response = socket._httpMessage;
    if (response) {
      response.once('close', next);
      return;
    }
    socket.off('drain', onDrain).off('error', ignore).setTimeout(0);
    then();
  };
  socket.on('drain', onDrain).on('error', ignore);
  next();
}

function ignore(): void {}

/** Makes the server read a connection again. Not documented, but used for ten years by servers of several protocols at one port. */
const { _connectionListener: takeUp } = http as unknown as { _connectionListener(this: Server, socket: Socket): void };

/**
 * Serves a request without its `Upgrade`. When Node emits `upgrade` it has stopped reading the connection as HTTP, and has not read the body. So the
 * server reads the connection again, beginning with the same request without its `Upgrade`.
 */
function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Socket, rest: Buffer): void {
  socket.unshift(Buffer.concat([headWithoutOffer(request), rest]));
  takeUp.call(server, socket);
}

function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'upgrade') text += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}
