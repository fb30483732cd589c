import { createServer, IncomingMessage } from 'node:http';
import type { Socket as Connection } from 'node:net';
import { Duplex } from 'node:stream';
import { Server, type Socket } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { loadClient } from './client-class.ts';
import { connectionOf, engineOf, insideOfServer, insideOfSocket } from './inside-of.ts';
import type { Packet } from './packet.ts';
import type { EngineConnection, EngineInternals, EngineRequest, SocketIoClient } from './private-names.ts';

/** How long a connection in memory may take, in milliseconds; it takes a few. */
const deadlineMs = 10_000;

/** A server of its own with one client, in memory: what the self-check looks at. */
export interface Rehearsal {
  readonly io: Server;
  readonly engine: EngineInternals;
  readonly request: EngineRequest;
  readonly connection: EngineConnection;
  readonly client: SocketIoClient<unknown>;
  readonly socket: Socket;
  /** Methods that were called in the place of those of Socket.IO and Engine.IO. */
  readonly called: ReadonlySet<string>;
  /** What was written to the client since this was called last. */
  written(): string;
  /** Resolves when nothing waits for the client. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects a client of Socket.IO to a server of its own, in memory, and replaces methods as gopush does.
 *
 * @throws Error if no connection comes of that
 */
export async function rehearse(): Promise<Rehearsal> {
  const called = new Set<string>();
  const io = new Server({
    serveClient: false,
    // Only with recovery a socket has a private id. Socket.IO's own adapter for it has a timer without end.
    connectionStateRecovery: {},
    adapter: Adapter,
  });
  const Client = createRecordingClient(called);
  insideOfServer(io).onconnection = (connection) => {
    called.add('Server.onconnection');
    new Client(io, connection);
    return io;
  };
  const http = createServer();
  io.attach(http);
  const engine = engineOf(io);
  recordEngine(engine, called);
  const wire = new MemoryConnection();
  const request = requestOver(wire);
  const close = async (): Promise<void> => {
    wire.destroy();
    await io.close();
  };
  try {
    const socket = await connect(io, wire, () => http.emit('upgrade', request, wire, Buffer.alloc(0)));
    const connection = connectionOf(socket);
    const client = socket.client as unknown as SocketIoClient<unknown>;
    recordSocket(socket, called);
    wire.receive('42["question"]');
    const written = (): string => wire.takeWritten();
    const settled = (): Promise<void> => whenSettled(connection);
    return { io, engine, request, connection, client, socket, called, written, settled, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves when the client has entered the main namespace. */
function connect(io: Server, wire: MemoryConnection, upgrade: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('no connection came of a handshake')), deadlineMs);
    io.on('connection', (socket) => {
      clearTimeout(deadline);
      resolve(socket);
    });
    // Whatever the client sends before Engine.IO listens waits in the stream.
    upgrade();
    wire.receive('40');
  });
}

/** How many turns of the event loop a connection in memory may take to write what waits; it takes one or two. */
const maxTurns = 100;

async function whenSettled(connection: EngineConnection): Promise<void> {
  const isBusy = (): boolean => connection.writeBuffer.length > 0 || !connection.transport.writable;
  for (let turn = 0; turn < maxTurns && isBusy(); turn++) {
    await new Promise(setImmediate);
  }
}

/** A class in the place of Socket.IO's, as gopush has one, that notes which of its methods are called. */
function createRecordingClient(called: Set<string>) {
  return class RecordingClient extends loadClient<unknown>() {
    override ondata(data: string | Uint8Array | ArrayBuffer | undefined): void {
      called.add('Client.ondata');
      super.ondata(data);
    }
    override ondecoded(packet: Packet): void {
      called.add('Client.ondecoded');
      super.ondecoded(packet);
    }
    override onclose(reason: string, description?: unknown): void {
      called.add('Client.onclose');
      super.onclose(reason, description);
    }
    override _parseNamespace(packet: Packet): { readonly namespace: string; readonly authPayload: unknown } {
      called.add('Client._parseNamespace');
      return { namespace: packet.nsp, authPayload: packet.data };
    }
    override _packet(packet: Packet, options?: object): void {
      called.add('Client._packet');
      super._packet(packet, options);
    }
    override writeToEngine(packets: readonly (string | Buffer)[], options: object): void {
      called.add('Client.writeToEngine');
      super.writeToEngine(packets, options);
    }
    override _remove(socket: Socket): void {
      called.add('Client._remove');
      super._remove(socket);
    }
  };
}

function recordEngine(engine: EngineInternals, called: Set<string>): void {
  const { createTransport, generateId } = engine;
  engine.createTransport = (name, request) => {
    called.add('Engine.createTransport');
    return createTransport.call(engine, name, request);
  };
  engine.generateId = async (request) => `${await generateId.call(engine, request)}.rehearsal`;
  engine.on('connection', (connection) => {
    const { write } = connection;
    connection.write = (...args) => {
      called.add('Connection.write');
      return write.apply(connection, args);
    };
  });
}

function recordSocket(socket: Socket, called: Set<string>): void {
  const inside = insideOfSocket(socket);
  const { dispatch } = inside;
  inside.dispatch = (event) => {
    called.add('Socket.dispatch');
    dispatch.call(socket, event);
  };
}

function requestOver(wire: Duplex): EngineRequest {
  const request = new IncomingMessage(wire as Connection);
  request.method = 'GET';
  request.url = '/socket.io/?EIO=4&transport=websocket';
  request.httpVersion = '1.1';
  request.headers = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  return request as EngineRequest;
}

/** A connection without a network: what is written is kept, and what the client sends is given to it. */
class MemoryConnection extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  #written: Buffer[] = [];

  /** A text message as a client sends it: one masked frame (RFC 6455, section 5.2), with a mask of zeros. */
  receive(text: string): void {
    const bytes = Buffer.from(text);
    this.push(Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]));
  }

  takeWritten(): string {
    const written = Buffer.concat(this.#written).toString('latin1');
    this.#written = [];
    return written;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#written.push(chunk);
    done();
  }
}
