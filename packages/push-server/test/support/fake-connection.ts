import { EventEmitter } from 'node:events';
import type { EngineConnection } from '@gopush/slim-socket-io';
import { Server, type Socket } from 'socket.io';
import { MigratingClient } from '../../src/migration/client/migrating-client.ts';
import { FollowedConnection, type Taken } from '../../src/migration/follow/followed-connection.ts';

const io = new Server();

/** A WebSocket that keeps the pings that it is sent. */
class FakeWebSocket extends EventEmitter {
  extensions = '';
  readonly pings: string[] = [];
  hasEnded = false;
  _receiver = { _state: 0, _bufferedBytes: 0, _fragmented: 0 };
  readonly _socket = { end: () => (this.hasEnded = true) };

  ping(payload: string): void {
    this.pings.push(payload);
  }

  /** The agent sends a pong. */
  pong(payload: string): void {
    this.emit('pong', Buffer.from(payload));
  }
}

/** A connection of Engine.IO without a network. */
export class FakeConnection extends EventEmitter {
  readyState = 'open';
  readonly protocol = 4;
  readonly webSocket = new FakeWebSocket();
  readonly transport = { name: 'websocket', writable: true, socket: this.webSocket };
  writeBuffer: unknown[] = [];
  readonly id: string;

  constructor(id = 'engine') {
    super();
    this.id = id;
  }

  flush(): void {}
  sendPacket(): void {}

  close(reason = 'transport close'): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close', reason);
  }
}

/** The same as Engine.IO's. */
export function engineConnection(fake: FakeConnection): EngineConnection {
  return fake as unknown as EngineConnection;
}

/** A connection with a client of Socket.IO, in no namespace. */
export function connect(id?: string): { readonly fake: FakeConnection; readonly client: MigratingClient } {
  const fake = new FakeConnection(id);
  return { fake, client: new MigratingClient(io, engineConnection(fake)) };
}

/** A followed connection with sockets of these ids in the main namespace. */
export function follow(
  ids: readonly string[] = [],
  taken?: Taken,
): { readonly fake: FakeConnection; readonly client: MigratingClient; readonly followed: FollowedConnection } {
  const { fake, client } = connect();
  for (const id of ids) addSocket(client, id);
  return { fake, client, followed: new FollowedConnection(engineConnection(fake), 'token', client, taken) };
}

/** Has a client be in the main namespace with a socket of this id. */
export function addSocket(client: MigratingClient, id: string): void {
  const rooms = new Set([id]);
  const nsp = { name: '/', adapter: { sids: new Map([[id, rooms]]) } };
  const parts = { nsp, acks: new Map(), handshake: { headers: {} }, rooms };
  const socket = { id, ...parts, _onclose() {} };
  (client.sockets as Map<string, Socket>).set(id, socket as unknown as Socket);
}
