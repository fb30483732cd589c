import http, { type Server as HttpServer, type IncomingMessage, maxHeaderSize } from 'node:http';
import type { Socket } from 'node:net';

/** Undocumented parts of Node's server and its requests. They have not changed since Node 18. */
interface Parts {
  /** Node's listener to `connection`, which gives a socket a parser. */
  readonly _connectionListener?: (socket: Socket) => void;
}
type MessageClass = new (socket: Socket) => RawMessage;
interface RawMessage extends IncomingMessage {
  upgrade: boolean;
  joinDuplicateHeaders?: boolean | undefined;
  _addHeaderLines?(lines: string[], count: number): void;
}
interface ServerParts extends HttpServer {
  readonly maxHeaderSize?: number;
  readonly joinDuplicateHeaders?: boolean;
  readonly shouldUpgradeCallback?: (message: IncomingMessage) => boolean;
}

const { _connectionListener: nodeListener } = http as Parts;

/** How many headers Node parses if a server does not say. */
const mostHeaders = 2_000;

const noBytes = Buffer.alloc(0);

/**
 * Has a server emit `upgrade` for a request whose head is here, as it would after it had parsed it. A parser with its timers and ten
 * listeners takes longer than all else in a handshake. Listeners to `connection` are called except Node's own.
 *
 * @param head - written by an agent, so it is in order
 * @returns `false`: Node has to parse it, as when a server or its program does something of its own in between. Nothing was emitted then
 */
export function emitUpgrade(server: HttpServer, socket: Socket, head: Buffer): boolean {
  const listeners = server.rawListeners('connection');
  if (nodeListener === undefined || !listeners.includes(nodeListener)) return false;
  const request = requestOf(server, socket, head);
  if (request === undefined) return false;
  Object.assign(socket, { server });
  for (const listener of listeners) if (listener !== nodeListener) Reflect.apply(listener, server, [socket]);
  if (server.timeout > 0) socket.setTimeout(server.timeout);
  // What its listeners throw is the program's, as with a connection that came by the port.
  process.nextTick(emit, server, socket, request);
  return true;
}

function emit(server: HttpServer, socket: Socket, request: IncomingMessage): void {
  if (!socket.destroyed) server.emit('upgrade', request, socket, noBytes);
}

function requestOf(server: ServerParts, socket: Socket, head: Buffer): IncomingMessage | undefined {
  if (head.length > (server.maxHeaderSize ?? maxHeaderSize)) return undefined;
  const [first = '', ...lines] = head.toString('latin1').split('\r\n');
  const headers = headersOf(head, lines, first.length + lineEnd);
  if (headers === undefined || !requestLine.test(first)) return undefined;
  if (headers.length / 2 > (server.maxHeadersCount || mostHeaders)) return undefined;
  const request = newMessage(server, socket);
  if (request?._addHeaderLines === undefined) return undefined;
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  request.httpVersion = '1.1';
  request.joinDuplicateHeaders = server.joinDuplicateHeaders;
  request.url = head.toString('latin1', 'GET '.length, first.length - ' HTTP/1.1'.length);
  request.method = 'GET';
  request.upgrade = true;
  request._addHeaderLines(headers, headers.length);
  if (!isUpgrade(request) || server.shouldUpgradeCallback?.(request) === false) return undefined;
  request.complete = true;
  request.push(null);
  return request;
}

const requestLine = /^GET \S+ HTTP\/1\.1$/;

/** Bytes of the end of a line. */
const lineEnd = 2;

/**
 * Names and values by turns; `undefined`: something that an agent does not write. Values are read out of the head once more: parts of its
 * text would keep all of it, for as long as anything keeps one of them.
 *
 * @param lines - of the head, without the first one
 * @param from - where they begin in it
 */
function headersOf(head: Buffer, lines: readonly string[], from: number): string[] | undefined {
  if (lines.length < 3 || lines.at(-1) !== '' || lines.at(-2) !== '') return undefined;
  const headers: string[] = [];
  let at = from;
  for (let index = 0; index < lines.length - 2; index++) {
    const line = lines[index] as string;
    const colon = line.indexOf(':');
    if (colon < 1 || line[0] === ' ' || line[0] === '\t') return undefined;
    const value = line[colon + 1] === ' ' ? colon + 2 : colon + 1;
    headers.push(line.slice(0, colon), head.toString('latin1', at + value, at + line.length));
    at += line.length + lineEnd;
  }
  return headers;
}

/** Whether a request is an upgrade for Node's parser as well, and has no body. */
function isUpgrade({ headers, rawHeaders }: IncomingMessage): boolean {
  if (rawHeaders.length === 0 || headers.upgrade === undefined) return false;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false;
  return /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(headers.connection ?? '');
}

/** The symbol under which servers keep the class of their messages: the same for all. */
let keyOfClass: symbol | undefined;

/** A message of the class that a server was made with. */
function newMessage(server: object, socket: Socket): RawMessage | undefined {
  keyOfClass ??= Object.getOwnPropertySymbols(server).find(({ description }) => description === 'IncomingMessage');
  const Message = keyOfClass && (server as Record<symbol, unknown>)[keyOfClass];
  return typeof Message === 'function' ? new (Message as MessageClass)(socket) : undefined;
}
