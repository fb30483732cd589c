import { type FailureCode, failureBody, failures, maxDepth, nameFault, shapeOf } from '@gopush/contract';
import { perSecond, type Rate, TokenBucket } from '@gopush/service';
import { type EngineConnection, insideOfServer, insideOfSocket, type Packet, packetType } from '@gopush/slim-socket-io';
import type { Server, Socket } from 'socket.io';
import { MigratingClient } from '../migration/client/migrating-client.ts';
import { bytesIn, maxParts } from '../rooms/codec/message-parts.ts';
import { PatientBucket } from './patient-bucket.ts';
import { takeQueryAsAuth } from './query-of-namespace.ts';

/** Bounds of what one connection sends. */
export interface GuardOptions {
  /** Most namespaces at a time. */
  readonly namespaces: number;
  /** Rate of events; `undefined`: no limit. */
  readonly messages: Rate | undefined;
  /** Rate of bytes of events; `undefined`: no limit. */
  readonly bytes: Rate | undefined;
  /** Most bytes of one event with all its binary parts. */
  readonly maxMessageBytes: number;
}

/** Why a connection is closed. */
type BrokenCode = 'request_malformed' | 'payload_invalid' | 'too_many_requests';

/** Called for what is not passed on to Socket.IO. */
interface GuardEvents {
  onRefused(code: FailureCode): void;
  /** The connection has to be closed. */
  onBroken(connection: EngineConnection, code: BrokenCode): void;
  /** The client keeps sending too much although it is refused. */
  onPersistent(socket: Socket): void;
}

/** Largest auth payload of a namespace, as JSON, in bytes: it is stored with the session. The same as Node's limit of headers. */
const maxAuthBytes = 16_384;

/** Longest name of a namespace, in bytes. */
const maxNamespaceBytes = 256;

/** How often a connection may connect to namespaces within some time: twice for each namespace that it may be in. */
const connectsPerNamespace = 2;
const connectWindowMs = 10_000;

/**
 * Limit of acks per second that nothing waits for, independent of the limit of events: acks may be late, or come after a migration, without fault of
 * the client.
 */
const strayAcks = perSecond(1_000);

/** Guards a server against what its connections send. */
export interface Guard {
  readonly options: GuardOptions;
  /** Set before any client connects. */
  events: GuardEvents;
}

/**
 * Checks and limits what each connection of a server sends before Socket.IO handles it: one CONNECT for each namespace, few namespaces, messages and
 * bytes per second, and no event that is nested too deep. Must be called before the server is attached.
 */
export function guardPackets(io: Server, options: GuardOptions): Guard {
  const guard: Guard = { options, events: { onRefused() {}, onBroken() {}, onPersistent() {} } };
  insideOfServer(io).onconnection = (connection) => {
    const conn = connection as EngineConnection;
    const client = new CheckedClient(io, conn, guard);
    // Clients of Socket.IO 2 are in the main namespace without a CONNECT.
    if (conn.protocol === 3) client.ondecoded({ type: packetType.connect, nsp: '/' });
    return io;
  };
  return guard;
}

class CheckedClient extends MigratingClient {
  readonly #guard: Guard;
  /** Namespaces that the client is leaving. */
  #leaving: Set<string> | undefined = undefined;
  #connects = 0;
  #connectsSince = 0;
  /** Made with the first event, as many clients send none. */
  #bucket: PatientBucket | undefined = undefined;
  #byteBucket: TokenBucket | undefined = undefined;
  /** Acks that nothing waits for; made with the first, as few clients send any. */
  #strayAcks: PatientBucket | undefined = undefined;
  /** Bytes of the incomplete packet. */
  #bytes = 0;

  constructor(io: Server, conn: EngineConnection, guard: Guard) {
    super(io, conn);
    this.#guard = guard;
  }

  override ondata(data: string | Uint8Array | ArrayBuffer | undefined): void {
    // An Engine.IO message without content.
    if (data === undefined) {
      this.#break('request_malformed');
      return;
    }
    // An event with binary parts comes as a text, followed by each part.
    this.#bytes = typeof data === 'string' ? data.length : this.#bytes + data.byteLength;
    if (this.#bytes > this.#guard.options.maxMessageBytes) this.#break('payload_invalid');
    else super.ondata(data);
  }

  override onerror(): void {
    this.#break('request_malformed');
  }

  override ondecoded(received: Packet): void {
    if (this.conn.readyState !== 'open') return;
    const packet = this.conn.protocol === 3 ? takeQueryAsAuth(received) : received;
    const waits = this.keepWaiting(packet);
    if (waits === 'full') this.#break('too_many_requests');
    if (waits !== false) return;
    switch (packet.type) {
      case packetType.connect:
        // Socket.IO ends the socket there with the next tick.
        if (this.#leaving?.has(packet.nsp)) process.nextTick(() => this.ondecoded(packet));
        else this.#connect(packet);
        return;
      case packetType.disconnect:
        super.ondecoded(packet);
        this.#leave(packet.nsp);
        return;
      case packetType.event:
        this.#event(packet);
        return;
      case packetType.ack:
        this.#ack(packet);
        return;
      default:
        super.ondecoded(packet);
    }
  }

  /** A client may leave a namespace and enter it again in the same tick. */
  #leave(namespace: string): void {
    this.#leaving ??= new Set();
    this.#leaving.add(namespace);
    process.nextTick(() => {
      this.#leaving?.delete(namespace);
      if (this.#leaving?.size === 0) this.#leaving = undefined;
    });
  }

  #connect(packet: Packet): void {
    const { nsp: name } = packet;
    const broken = this.#whyBroken(name);
    // `socket.connect()` of a client that is about to connect sends CONNECT again: it gets one response.
    if (broken === undefined && this.isOpening(name)) return;
    const refused = broken === undefined ? this.#whyRefused(packet) : undefined;
    if (broken !== undefined) this.#break(broken);
    else if (refused !== undefined) this.#refuseConnect(name, refused);
    else super.ondecoded(packet);
  }

  #whyBroken(namespace: string): BrokenCode | undefined {
    // The same as in Socket.IO.
    if (this.nsps.has(namespace)) return 'request_malformed';
    return this.#mayConnect() ? undefined : 'too_many_requests';
  }

  #whyRefused({ nsp, data }: Packet): FailureCode | undefined {
    if (this.nsps.size + this.openings >= this.#guard.options.namespaces) return 'too_many_namespaces';
    return nameFault(nsp, maxNamespaceBytes) === undefined && isAuth(data) ? undefined : 'payload_invalid';
  }

  #event(packet: Packet): void {
    const socket = this.nsps.get(packet.nsp);
    const { messages, bytes, maxMessageBytes } = this.#guard.options;
    if (messages !== undefined) this.#bucket ??= new PatientBucket(messages, performance.now());
    if (bytes !== undefined) this.#byteBucket ??= new TokenBucket(bytes, performance.now());
    // Socket.IO closes the connection.
    if (socket === undefined) super.ondecoded(packet);
    else if (this.#bucket?.take(performance.now()) === false) {
      this.#refuse(packet, 'too_many_requests');
      if (this.#bucket.isSpent) this.#guard.events.onPersistent(socket);
    } else if (this.#byteBucket?.take(performance.now(), this.#bytes) === false) {
      this.#refuse(packet, 'too_many_requests');
    } else if (isAcceptable(packet.data, maxMessageBytes)) super.ondecoded(packet);
    else this.#refuse(packet, 'payload_invalid');
  }

  /** Acks of events that were sent are not limited: there are only as many. Others are few, as those for an earlier node of the session. */
  #ack(packet: Packet): void {
    const socket = this.nsps.get(packet.nsp);
    if (!isAcceptable(packet.data, this.#guard.options.maxMessageBytes)) this.#break('payload_invalid');
    else if (socket !== undefined && !insideOfSocket(socket).acks.has(packet.id)) this.#strayAck(socket);
    else super.ondecoded(packet);
  }

  #strayAck(socket: Socket): void {
    const now = performance.now();
    this.#strayAcks ??= new PatientBucket(strayAcks, now);
    if (this.#strayAcks.take(now)) return;
    if (this.#strayAcks.isSpent) this.#guard.events.onPersistent(socket);
  }

  #mayConnect(): boolean {
    // A number with a fraction would take 16 bytes more.
    const now = Math.floor(performance.now());
    if (now - this.#connectsSince > connectWindowMs) {
      this.#connectsSince = now;
      this.#connects = 0;
    }
    return ++this.#connects <= connectsPerNamespace * this.#guard.options.namespaces;
  }

  #refuse({ nsp, id }: Packet, code: FailureCode): void {
    this.#guard.events.onRefused(code);
    if (id !== undefined)
      this.sendPacket({ type: packetType.ack, nsp, id, data: [{ ok: false, ...failureBody(code) }] });
  }

  #refuseConnect(nsp: string, code: FailureCode): void {
    this.#guard.events.onRefused(code);
    const { message } = failures[code];
    const reason = { code, message };
    // Socket.IO 2 has no envelope around the error.
    const data = this.conn.protocol === 3 ? reason : { message, data: reason };
    this.sendPacket({ type: packetType.connectError, nsp, data });
  }

  #break(code: BrokenCode): void {
    if (this.conn.readyState === 'open') this.#guard.events.onBroken(this.conn, code);
  }
}

/** Whether the arguments of an event or ack can be sent to other clients and nodes, and stored. */
function isAcceptable(data: unknown, maxBytes: number): boolean {
  // The list of arguments is a level as well.
  const shape = shapeOf(data, maxDepth + 1);
  if (shape !== 'binary') return shape === 'plain';
  // One part may be referred to many times, and would be sent for each.
  const { parts, bytes } = bytesIn(data);
  return parts <= maxParts && bytes <= maxBytes;
}

function isAuth(auth: unknown): boolean {
  if (auth === undefined) return true;
  return shapeOf(auth, maxDepth) === 'plain' && Buffer.byteLength(JSON.stringify(auth)) <= maxAuthBytes;
}
