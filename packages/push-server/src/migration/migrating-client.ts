import { failures } from '@gopush/contract';
import { failPendingAcks, loadClient, type Packet, packetType, pendingAcksOf } from '@gopush/slim-socket-io';
import type { Server, Socket } from 'socket.io';
import type { PacketOptions } from '../emit/along.ts';
import type { OpeningRecord, SessionRecord, SocketRecord } from '../stored-session/session-record.ts';
import { numberedConnectResponse } from './connect-responses.ts';
import { migratedReason } from './is-migrated.ts';

/** The connection of Engine.IO, with what is used here. What is not documented is unchanged since Engine.IO 4. */
export interface ClientConnection {
  readonly id: string;
  readonly readyState: string;
  /** Version of Engine.IO's protocol: 4, or 3 for clients of Socket.IO 2. */
  readonly protocol: number;
  readonly transport: { readonly name: string; writable: boolean };
  /** Writes what waits. */
  flush: () => void;
  sendPacket(type: 'noop' | 'ping'): void;
  close(): void;
}

/** A namespace that the client is in, and that the session enters again on this node. */
interface Returning {
  readonly record: SocketRecord;
  /** What the client has sent to it meanwhile. */
  readonly waiting: Packet[];
}

/** How many packets of a connection wait at most for namespaces that are being entered again. */
const maxWaiting = 1_000;

/** How long nothing is written to the client while its session enters its namespaces again, in milliseconds: a middleware may take longer. */
const enterMs = 500;

/** Where a connection keeps its client. */
const ofConnection = Symbol('moving client');

/** Where a socket keeps how many requests of its client it has not answered. */
const owed = Symbol('requests that are not answered');
type Owing = Socket & { [owed]?: number };

/** Where a socket keeps which of the answers to CONNECTs of its connection it began with. */
const answer = Symbol('answer to its CONNECT');
type Answered = Socket & { [answer]?: number };

const Client = loadClient<ClientConnection>();

/** The connection that a socket is on. */
export function migratingClientOf(socket: Socket): MigratingClient {
  return socket.client as unknown as MigratingClient;
}

/** The client of a connection of Engine.IO. */
export function clientOfConnection(conn: object): MigratingClient | undefined {
  return (conn as { [ofConnection]?: MigratingClient })[ofConnection];
}

/**
 * A connection as Socket.IO sees it, with all its namespaces, so that its session can migrate: what it has asked and nobody has answered, and the
 * namespaces that it enters again elsewhere without its client noticing.
 *
 * The client has had the answer to each CONNECT. Only those packets are kept from it, by their kind: whatever else a namespace sends, as a
 * greeting, reaches it.
 */
export class MigratingClient extends Client {
  /** Whether its session goes on at another node. */
  hasMigrated = false;
  /** Whether messages of rooms are to have their marks, and what else is said of them, as arguments. */
  asksForMarks = false;
  /** Which namespaces it is in has changed. Resolves when that is kept; absent where nobody keeps it. */
  onNamespaces: ((client: MigratingClient) => Promise<unknown>) | undefined = undefined;
  /** How many CONNECTs have been answered since the client is followed, here and elsewhere. */
  answers = 0;
  /** Whether the client has asked for a namespace besides the main one. */
  #hasOthers = false;
  /** CONNECTs that are not answered, with what came with them. */
  #opening: Map<string, unknown> | undefined = undefined;
  #returning: Map<string, Returning> | undefined = undefined;
  /** Ids of sockets with which the session came here. */
  #arrived: readonly string[] | undefined = undefined;
  #waiting = 0;
  /** How many keep all that is written to the client in its queue. */
  #holds = 0;
  /** Lets go what waits since the session came here. */
  #release: (() => void) | undefined = undefined;
  #onAnswered: (() => void) | undefined = undefined;

  constructor(io: Server, conn: ClientConnection) {
    super(io, conn);
    (conn as { [ofConnection]?: MigratingClient })[ofConnection] = this;
  }

  /** Whether a CONNECT to this namespace is not answered yet. */
  isOpening(namespace: string): boolean {
    return this.#opening?.has(namespace) === true;
  }

  /** How many CONNECTs are not answered. */
  get openings(): number {
    return this.#opening?.size ?? 0;
  }

  /** Whether it has entered all the namespaces again that its session was in, or was refused there. */
  get hasReturned(): boolean {
    return this.#returning === undefined;
  }

  /** Namespaces that are not entered again yet, for whoever goes on with the session. */
  get returning(): readonly SocketRecord[] {
    return [...(this.#returning?.values() ?? [])].map(({ record, waiting }) => ({ ...record, waiting }));
  }

  /** CONNECTs that are not answered, for whoever goes on with the session. */
  get opening(): readonly OpeningRecord[] {
    return [...(this.#opening ?? [])].map(([namespace, auth]) => ({ namespace, auth }));
  }

  /** Enters the namespaces of a session that goes on here. The first two packets that go out are Engine.IO's opening and a `noop`. */
  enterAgain({ sockets, opening = [], answers = 0 }: Pick<SessionRecord, 'sockets' | 'opening' | 'answers'>): void {
    this.answers = answers;
    this.#release = this.#hold(enterMs);
    // Behind this all else waits, in order.
    this.conn.sendPacket('noop');
    // The first ping of this node is a whole interval away, as it was at the node before: a client that migrates often would hear none and give up.
    this.conn.sendPacket('ping');
    this.#arrived = sockets.map(({ id }) => id);
    const returning = new Map<string, Returning>();
    for (const { waiting = [], ...record } of sockets) {
      returning.set(record.namespace, { record, waiting: [...waiting] });
      this.#waiting += waiting.length;
    }
    if (returning.size > 0) this.#returning = returning;
    else this.#release?.();
    for (const { namespace, auth, pid } of sockets) this.connect(namespace, authOf(auth, pid));
    for (const { namespace, auth } of opening) this.ondecoded({ type: packetType.connect, nsp: namespace, data: auth });
  }

  override ondecoded(packet: Packet): void {
    const { type, nsp, id } = packet;
    if (type === packetType.connect) {
      this.#opening ??= new Map();
      this.#opening.set(nsp, packet.data);
      if (nsp !== '/') {
        this.#hasOthers = true;
        void this.onNamespaces?.(this);
      }
    } else if (type === packetType.event && id !== undefined) {
      const socket: Owing | undefined = this.nsps.get(nsp);
      if (socket !== undefined) socket[owed] = (socket[owed] ?? 0) + 1;
    }
    super.ondecoded(packet);
  }

  /** As it stands: Socket.IO reads that of a client of Socket.IO 2 as a URL, so that several names would be one namespace. */
  override _parseNamespace({ nsp, data }: Packet): { readonly namespace: string; readonly authPayload: unknown } {
    return { namespace: nsp, authPayload: data };
  }

  override _packet(packet: Packet, options?: object): void {
    const { type, nsp } = packet;
    if (type === packetType.connect || type === packetType.connectError) {
      this.#opening?.delete(nsp);
      if (this.#opening?.size === 0) this.#opening = undefined;
      if (this.#returns(packet)) return;
      if (type === packetType.connect && this.onNamespaces !== undefined) {
        this.#tellEntered(packet);
        return;
      }
    }
    super._packet(packet, options);
    if (type === packetType.ack) this.#answered(nsp);
  }

  override writeToEngine(packets: readonly (string | Buffer)[], options: PacketOptions): void {
    const { along } = options;
    if (along === undefined || (along.isForAgents && this.onNamespaces === undefined)) {
      super.writeToEngine(packets, options);
      return;
    }
    const { transport } = this.conn;
    if (options.volatile === true && !transport.writable) return;
    const isWebSocket = transport.name === 'websocket';
    const parts = along.partsFor(this.asksForMarks, isWebSocket, packets, options);
    const { writable } = transport;
    // What belongs together is in one answer to a client of long-polling.
    if (parts.length > 1) transport.writable = false;
    for (const part of parts) super.writeToEngine(part.packets, part.options);
    if (parts.length === 1) return;
    transport.writable = writable;
    this.conn.flush();
  }

  override _remove(socket: Socket): void {
    super._remove(socket);
    failPendingAcks(
      socket,
      this.hasMigrated ? 'the session has migrated before its client answered' : 'socket has been disconnected',
    );
    if (this.conn.readyState !== 'open' || this.hasMigrated) return;
    void this.onNamespaces?.(this);
    this.#lookAnswered();
  }

  override onclose(reason: string, description?: unknown): void {
    super.onclose(this.hasMigrated ? migratedReason : reason, description);
  }

  /** Which of the answers a socket began with; 0: one that its client surely has had. */
  answerOf(socket: Answered): number {
    return socket[answer] ?? 0;
  }

  /** How many answers of the client handlers wait for. None, once it has gone. */
  get questions(): number {
    let sum = 0;
    for (const socket of this.sockets.values()) sum += pendingAcksOf(socket);
    return sum;
  }

  /** Whether a socket was there before, at another node. */
  hadBefore(socket: string): boolean {
    return this.#arrived?.includes(socket) === true;
  }

  /** Resolves when all is answered that the client has asked in any namespace, or after `ms`. @returns how many requests are not */
  async answered(ms: number): Promise<number> {
    if (this.#unanswered > 0 && ms > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, ms);
        this.#onAnswered = () => {
          clearTimeout(deadline);
          resolve();
        };
      });
      this.#onAnswered = undefined;
    }
    return this.#unanswered;
  }

  /** Sends a packet that is no answer of a handler. */
  protected say(packet: Packet): void {
    super._packet(packet);
  }

  /** Keeps a packet for a namespace that is not entered again yet. @returns `full` where too many wait */
  protected keepWaiting(packet: Packet): boolean | 'full' {
    const returning = this.#returning?.get(packet.nsp);
    if (returning === undefined) return false;
    if (this.#waiting >= maxWaiting) return 'full';
    this.#waiting++;
    returning.waiting.push(packet);
    return true;
  }

  /** @returns whether it is the answer to a CONNECT that the client has not sent, since it is in that namespace already */
  #returns({ type, nsp, data }: Packet): boolean {
    const record = this.#returning?.get(nsp)?.record;
    if (record === undefined) return false;
    if (type === packetType.connectError && !(nsp === '/' && isOwnFailure(data))) {
      this.#hasReturned(nsp);
      // To a client that is in the namespace this is its end; when it enters again it is told why.
      this.say({ type: packetType.disconnect, nsp });
    } else if ((data as { sid?: unknown } | undefined)?.sid === record.id) {
      // What the client has sent is for handlers that listen by then.
      process.nextTick(() => {
        for (const packet of this.#hasReturned(nsp)) this.ondecoded(packet);
      });
    } else {
      // A program ended the session meanwhile, or it cannot go on here: the client has to begin anew.
      this.#hasReturned(nsp);
      this.conn.close();
    }
    return true;
  }

  #hasReturned(namespace: string): readonly Packet[] {
    const waiting = this.#returning?.get(namespace)?.waiting ?? [];
    this.#returning?.delete(namespace);
    this.#waiting -= waiting.length;
    if (this.#returning?.size === 0) {
      this.#returning = undefined;
      this.#release?.();
      this.#release = undefined;
    }
    return waiting;
  }

  /** Tells a client that it is in a namespace. */
  #tellEntered(packet: Packet): void {
    const { nsp, data } = packet;
    const socket: Answered | undefined = this.server.of(nsp).sockets.get((data as { sid: string }).sid);
    this.answers++;
    if (socket !== undefined) socket[answer] = this.answers;
    // Of one that is in the main namespace alone nothing is kept before it has begun.
    if (this.#hasOthers) this.#holdUntilKept();
    super._packet(numberedConnectResponse(packet, this.conn.id, this.answers));
  }

  /** A client that is told that it is in a namespace finds itself there after a crash. */
  #holdUntilKept(): void {
    const { onNamespaces } = this;
    if (onNamespaces === undefined) return;
    const release = this.#hold(enterMs);
    // It is in the namespace in a moment.
    process.nextTick(() => void onNamespaces(this).then(release, release));
  }

  /** Keeps what is written to the client in the queue of its connection, for `ms` at most. @returns ends this */
  #hold(ms: number): () => void {
    const { conn } = this;
    if (this.#holds++ === 0) conn.flush = () => {};
    const release = (): void => {
      clearTimeout(timer);
      if (isOver) return;
      isOver = true;
      if (--this.#holds > 0) return;
      // Taken away, it would leave the connection in a form that takes more memory.
      conn.flush = Object.getPrototypeOf(conn).flush;
      conn.flush();
    };
    let isOver = false;
    const timer = setTimeout(release, ms);
    return release;
  }

  get #unanswered(): number {
    let sum = 0;
    for (const socket of this.sockets.values()) sum += (socket as Owing)[owed] ?? 0;
    return sum;
  }

  #answered(namespace: string): void {
    const socket: Owing | undefined = this.nsps.get(namespace);
    if (socket?.[owed] !== undefined && socket[owed] > 0) socket[owed]--;
    this.#lookAnswered();
  }

  #lookAnswered(): void {
    if (this.#onAnswered !== undefined && this.#unanswered === 0) this.#onAnswered();
  }
}

/** Whether gopush itself refuses a client, rather than a middleware of the project. */
function isOwnFailure(refusal: unknown): boolean {
  const { data } = (refusal ?? {}) as { data?: { code?: unknown } };
  return typeof data?.code === 'string' && Object.hasOwn(failures, data.code);
}

/** What Socket.IO's recovery asks by, beside what the client sent: handlers see the latter alone. */
function authOf(auth: object, pid: string): object {
  return Object.defineProperties({ ...auth }, { pid: { value: pid }, offset: { value: '' } });
}
