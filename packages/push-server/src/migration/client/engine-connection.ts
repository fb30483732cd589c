import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type EngineConnection,
  type EngineRequest,
  engineOf,
  sendUpgradeResponse,
  type WebSocketInternals,
  webSocketOf,
} from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';

/** Hooks and events of Engine.IO about connections. */
export interface EngineHooks {
  /** The id of a session that begins. @param generate - makes the id that Engine.IO would use */
  idOf(request: IncomingMessage, generate: () => string | Promise<string>): Promise<string>;
  /** Adds headers to a response, an upgrade's `101` included. */
  addHeaders(headers: Record<string, string>, request: EngineRequest): void;
  /** A connection is open. */
  opened(conn: EngineConnection): void;
}

/** Hooks into Engine.IO. */
export function hookEngine(io: Server, hooks: EngineHooks): void {
  const engine = engineOf(io);
  const generateId = engine.generateId.bind(engine);
  engine.generateId = (request) => hooks.idOf(request, () => generateId(request));
  engine.on('headers', (headers, request) => hooks.addHeaders(headers, request));
  engine.on('connection', (conn) => hooks.opened(conn));
}

/** The connection with an id. */
export function connectionWith(io: Server, id: string): EngineConnection | undefined {
  return engineOf(io).clients[id];
}

/** All connections of a server. */
export function connectionsOf(io: Server): readonly EngineConnection[] {
  return Object.values(engineOf(io).clients);
}

/** An upgrade of the HTTP server. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Engine.IO responds to an upgrade at once. Has a listener see each upgrade first, which passes on those that Engine.IO and
 * the other listeners of the server are to have.
 */
export function interceptUpgrades(
  http: HttpServer,
  intercept: (upgrade: Upgrade, pass: (upgrade: Upgrade) => void) => void,
): void {
  const listeners = http.listeners('upgrade') as ((...args: [IncomingMessage, Duplex, Buffer]) => void)[];
  const pass = ({ request, socket, head }: Upgrade): void => {
    for (const listener of listeners) listener.call(http, request, socket, head);
  };
  http.removeAllListeners('upgrade');
  http.on('upgrade', (request, socket, head) => intercept({ request, socket, head }, pass));
}

/** Makes an upgrade begin an Engine.IO session of its own, if its client had begun with long-polling. */
export function forgetSid(request: IncomingMessage): void {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  if (mark === -1) return;
  const kept = url
    .slice(mark + 1)
    .split('&')
    .filter((pair) => !pair.startsWith('sid='));
  request.url = `${url.slice(0, mark)}?${kept.join('&')}`;
}

/**
 * Why the stream of a connection cannot continue at another push-server: it has none, or the next one could not
 * decompress it.
 */
export function whyBoundHere(conn: EngineConnection): 'polling' | 'compressed' | undefined {
  const webSocket = webSocketOf(conn);
  if (webSocket === undefined) return 'polling';
  return webSocket.extensions ? 'compressed' : undefined;
}

/** Whether a part of a message has come. */
export function isMidMessage(conn: EngineConnection): boolean {
  const receiver = webSocketOf(conn)?._receiver;
  return receiver !== undefined && (receiver._state > 0 || receiver._bufferedBytes > 0 || receiver._fragmented > 0);
}

/** Sends a WebSocket ping with a payload that an agent reads. */
export function sendPing(conn: EngineConnection, payload: string): void {
  webSocketOf(conn)?.ping(payload, false, () => {});
}

/**
 * Calls a listener with the payload of each WebSocket pong.
 *
 * @param subject - the listener's first argument, so that all connections share one listener
 */
export function onPong<T>(conn: EngineConnection, subject: T, listener: OnPong<T>): void {
  const webSocket: Heard | undefined = webSocketOf(conn);
  if (webSocket === undefined) return;
  webSocket[subjectOf] = subject;
  let shared = sharedListeners.get(listener as OnPong<unknown>);
  if (shared === undefined) {
    shared = function onPongOf(this: Heard, payload: Buffer): void {
      listener(this[subjectOf] as T, payload.toString('latin1'));
    };
    sharedListeners.set(listener as OnPong<unknown>, shared);
  }
  webSocket.on('pong', shared as never);
}

type OnPong<T> = (subject: T, payload: string) => void;

/** Where a WebSocket keeps the subject of its pongs: a function of its own for each would take more memory. */
const subjectOf = Symbol('subject of its pongs');
type Heard = WebSocketInternals & { [subjectOf]?: unknown };
const sharedListeners = new WeakMap<OnPong<unknown>, (this: Heard, payload: Buffer) => void>();

/** Drops all that the client still sends. */
export function ignoreMessages(conn: EngineConnection): void {
  webSocketOf(conn)?.removeAllListeners('message');
}

/** Whether all that was written to a connection has been passed to its socket, or cannot be any more. */
export function isFlushed(conn: EngineConnection): boolean {
  return conn.writeBuffer.length === 0 || conn.readyState !== 'open';
}

/**
 * Ends the stream of a connection without a close frame: its agent knows by that that the session continues elsewhere.
 */
export function endStream(conn: EngineConnection): void {
  webSocketOf(conn)?._socket?.end();
}

/** Holds all packets that are written to a connection in its queue. */
export function holdWrites(conn: EngineConnection): void {
  conn.flush = () => {};
}

/** Writes the packets that were held, and holds no more. */
export function releaseWrites(conn: EngineConnection): void {
  // Deleting the property would leave the object in a form that takes more memory.
  conn.flush = Object.getPrototypeOf(conn).flush;
  conn.flush();
  const socket = webSocketOf(conn)?._socket;
  if (socket !== undefined) sendUpgradeResponse(socket);
}

/**
 * All packets that are written from now on leave together: a client of long-polling gets them in one response.
 *
 * @returns for {@link endTogether}
 */
export function beginTogether({ transport }: EngineConnection): boolean {
  const { writable } = transport;
  transport.writable = false;
  return writable;
}

/** Writes what came since {@link beginTogether}. */
export function endTogether(conn: EngineConnection, writable: boolean): void {
  conn.transport.writable = writable;
  conn.flush();
}
