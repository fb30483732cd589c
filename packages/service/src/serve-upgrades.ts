import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Serves an upgrade, as a listener to Node's event of this name does. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Makes a listener to a server's upgrades that serves WebSockets only, each when the requests before it on its connection have their responses. Any
 * other offer is ignored, and its request served as if it had made none (RFC 9110 section 7.8): `h2c` of Java's HttpClient and
 * `curl --http2`, `TLS/1.2`, anything in HTTP/1.0.
 *
 * @param onWebSocket - serves WebSockets; without it no upgrade is served
 */
export function serveUpgrades(server: Server, onWebSocket?: UpgradeListener): UpgradeListener {
  // A header that Node leaves out could be the one that says where the body ends.
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
    if ((socket as Answering)._httpMessage) whenAnswered(socket as Answering, serve);
    else serve();
  };
}

/**
 * Whether a request asks for a WebSocket (RFC 6455 section 4.2.1). Where it offers other protocols as well it can do without, so that the
 * rest of a handshake must be there.
 */
function asksForWebSocket({ headers, httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  if (headers.upgrade === undefined || httpVersionMajor !== 1 || httpVersionMinor < 1) return false;
  const offers = headers.upgrade.toLowerCase().split(',');
  if (offers.length > 1 && headers['sec-websocket-key'] === undefined) return false;
  return offers.some((offer) => offer.trim() === 'websocket');
}

/** What Node keeps of a connection: the response that is being sent on it. */
interface Answering extends Socket {
  readonly _httpMessage?: ServerResponse | null;
}

/** Waits for the responses to the requests before (pipelining). Node has left the connection to the upgrade, so that nobody else drains them. */
function whenAnswered(socket: Answering, then: () => void): void {
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

/** Takes up a connection as the server did when it was accepted. Not documented, and used by those who serve several protocols at one port for ten years. */
const { _connectionListener: takeUp } = http as unknown as { _connectionListener(this: Server, socket: Socket): void };

/**
 * Node has stopped reading a connection as HTTP by the time it tells of an upgrade, and has not read the body. So the connection is taken up
 * once more, the same request first, without its offer.
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
