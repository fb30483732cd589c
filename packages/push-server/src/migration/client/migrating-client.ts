import type { IncomingMessage } from 'node:http';
import {
  type EngineConnection,
  failPendingAcks,
  loadClient,
  type Packet,
  packetType,
  pendingAcksOf,
} from '@gopush/slim-socket-io';
import type { Server, Socket } from 'socket.io';
import type { PacketOptions } from '../../emit/event-forms.ts';
import { enterAs } from '../../recovery/connecting-request.ts';
import type { OpeningRecord, SessionRecord, SocketRecord } from '../../stored-session/session-record.ts';
import { numberedConnectResponse } from './connect-responses.ts';
import { takenOf } from './direct-connection.ts';
import { beginTogether, endStream, endTogether, holdWrites, releaseWrites } from './engine-connection.ts';
import { migratedReason } from './is-migrated.ts';
import { ackSent, oweAck, owedAcks } from './owed-acks.ts';
import { judgeConnectResponse, ReturningNamespaces } from './returning-namespaces.ts';

/**
 * How long nothing is written to the client while its session enters its namespaces again, in milliseconds: a
 * middleware may take longer.
 */
const enterMs = 500;

/** The same while its session is stored under its next token, in milliseconds: longer than a call of the store may take. */
const savedMs = 5_000;

/** Where a connection keeps its client. */
const ofConnection = Symbol('migrating client');

/** Where a socket keeps the number of the response to its CONNECT. */
const response = Symbol('response to its CONNECT');
type Responded = Socket & { [response]?: number };

const Client = loadClient<EngineConnection>();

/** The connection of a socket. */
export function migratingClientOf(socket: Socket): MigratingClient {
  return socket.client as unknown as MigratingClient;
}

/** The client of a connection of Engine.IO. Every connection of the server has one. */
export function clientOfConnection(conn: object): MigratingClient {
  return (conn as { [ofConnection]: MigratingClient })[ofConnection];
}

/**
 * A connection as Socket.IO sees it, with all its namespaces, so that its session can migrate. It knows the acks that
 * are owed to the client, and enters the namespaces of a session that was taken without its client noticing.
 *
 * The client has had the response to each of its CONNECTs, so these packets alone are kept from it. Everything else
 * that a namespace sends, as a greeting, reaches it.
 */
export class MigratingClient extends Client {
  /** Whether its session continues at another node. */
  hasMigrated = false;
  /** Whether messages of rooms are to have their positions, and what else belongs to them, as arguments. */
  asksForPositions = false;
  /**
   * Is called when the client enters or leaves namespaces. Resolves when that is saved; absent if nothing is saved.
   */
  onNamespaces: ((client: MigratingClient) => Promise<unknown>) | undefined = undefined;
  /** How many CONNECTs got their response since the client has been followed, here and elsewhere. */
  responses = 0;
  /** Whether the client has asked for a namespace besides the main one. */
  #hasOthers = false;
  /** CONNECTs without a response, with their payload. */
  #opening: Map<string, unknown> | undefined = undefined;
  #returning: ReturningNamespaces | undefined = undefined;
  /** Ids of the sockets with which the session came here. */
  #arrived: readonly string[] | undefined = undefined;
  /** Number of reasons for which all that is written to the client has to wait. */
  #holds = 0;
  /** Ends the hold since the session came here. */
  #release: (() => void) | undefined = undefined;
  #onAcked: (() => void) | undefined = undefined;

  constructor(io: Server, conn: EngineConnection) {
    super(io, conn);
    (conn as { [ofConnection]?: MigratingClient })[ofConnection] = this;
  }

  /** Whether a CONNECT to this namespace has had no response yet. */
  isOpening(namespace: string): boolean {
    return this.#opening?.has(namespace) === true;
  }

  /** How many CONNECTs have had no response. */
  get openings(): number {
    return this.#opening?.size ?? 0;
  }

  /** Whether it has entered all the namespaces again that its session was in, or was refused there. */
  get hasReturned(): boolean {
    return this.#returning === undefined;
  }

  /** Namespaces that are not entered again yet, for the node that takes the session next. */
  get returning(): readonly SocketRecord[] {
    return this.#returning?.records ?? [];
  }

  /** CONNECTs without a response, for the node that takes the session next. */
  get opening(): readonly OpeningRecord[] {
    return [...(this.#opening ?? [])].map(([namespace, auth]) => ({ namespace, auth }));
  }

  /**
   * Enters the namespaces of a session that was taken. The first two packets that go out are Engine.IO's opening and a
   * `noop`, with which its client continues here.
   *
   * @param saved - resolves when it is stored under its next token: with `false` if that failed, so that it has to continue elsewhere;
   * `undefined`: it need not wait for that
   * @param pingsNow - whether its client is sent a ping at once
   * @param onReturned - called when it has entered them, or was refused there
   */
  enterAgain(
    { sockets, opening = [], answers = 0 }: Pick<SessionRecord, 'sockets' | 'opening' | 'answers'>,
    saved: Promise<boolean> | undefined,
    pingsNow = false,
    onReturned: () => void = () => {},
  ): void {
    this.responses = answers;
    const release = this.#hold(enterMs);
    this.#release = () => {
      release();
      onReturned();
    };
    if (saved !== undefined) this.#holdUntil(saved, takenOf(this.conn) !== undefined);
    // Everything else waits behind this, in order.
    this.conn.sendPacket('noop');
    // The session is stored when the client responds.
    if (pingsNow) this.conn.sendPacket('ping');
    this.#arrived = sockets.map(({ id }) => id);
    if (sockets.length > 0) this.#returning = new ReturningNamespaces(sockets);
    else this.#release();
    for (const { namespace, auth, pid } of sockets) this.connect(namespace, authOf(auth, pid));
    for (const { namespace, auth } of opening) this.ondecoded({ type: packetType.connect, nsp: namespace, data: auth });
  }

  /**
   * Holds the client until its session is stored. An agent that is in between asks another node if that fails. One that has handed its
   * client over could not.
   */
  #holdUntil(saved: Promise<boolean>, isDirect: boolean): void {
    const release = this.#hold(savedMs);
    void saved.then((isSaved) => (isSaved || isDirect ? release() : endStream(this.conn)));
  }

  override connect(namespace: string, auth?: object): void {
    enterAs(this.conn.request as IncomingMessage, () => super.connect(namespace, auth));
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
      oweAck(this.nsps.get(nsp));
    }
    super.ondecoded(packet);
  }

  /**
   * The namespace as it stands: Socket.IO reads that of a client of Socket.IO 2 as a URL, so that several names would
   * be one namespace.
   */
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
        this.#respondToConnect(packet);
        return;
      }
    }
    super._packet(packet, options);
    if (type !== packetType.ack) return;
    ackSent(this.nsps.get(nsp));
    this.#lookAcked();
  }

  override writeToEngine(packets: readonly (string | Buffer)[], options: PacketOptions): void {
    const { forms } = options;
    if (forms === undefined || (forms.isForAgents && this.onNamespaces === undefined)) {
      super.writeToEngine(packets, options);
      return;
    }
    const { transport } = this.conn;
    if (options.volatile === true && !transport.writable) return;
    const isWebSocket = transport.name === 'websocket';
    const parts = forms.partsFor(this.asksForPositions, isWebSocket, packets, options);
    if (parts.length === 1) {
      for (const part of parts) super.writeToEngine(part.packets, part.options);
      return;
    }
    const writable = beginTogether(this.conn);
    for (const part of parts) super.writeToEngine(part.packets, part.options);
    endTogether(this.conn, writable);
  }

  override _remove(socket: Socket): void {
    super._remove(socket);
    failPendingAcks(
      socket,
      this.hasMigrated ? 'the session migrated before its client responded' : 'socket has been disconnected',
    );
    if (this.conn.readyState !== 'open' || this.hasMigrated) return;
    void this.onNamespaces?.(this);
    this.#lookAcked();
  }

  override onclose(reason: string, description?: unknown): void {
    super.onclose(this.hasMigrated ? migratedReason : reason, description);
  }

  /** The number of the response to a socket's CONNECT; 0 if the client has had it for certain. */
  responseTo(socket: Responded): number {
    return socket[response] ?? 0;
  }

  /** How many acks of the client handlers wait for. None, once it has gone. */
  get pendingAcks(): number {
    let sum = 0;
    for (const socket of this.sockets.values()) sum += pendingAcksOf(socket);
    return sum;
  }

  /** Whether a socket was there before, at another node. */
  hadBefore(socket: string): boolean {
    return this.#arrived?.includes(socket) === true;
  }

  /**
   * Resolves when handlers have acked all that the client asked in any namespace, or after `ms`.
   *
   * @returns how many acks they still owe
   */
  async whenAcked(ms: number): Promise<number> {
    if (owedAcks(this.sockets.values()) > 0 && ms > 0) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, ms);
        this.#onAcked = () => {
          clearTimeout(deadline);
          resolve();
        };
      });
      this.#onAcked = undefined;
    }
    return owedAcks(this.sockets.values());
  }

  /** Sends a packet that is no ack of a handler. */
  protected sendPacket(packet: Packet): void {
    super._packet(packet);
  }

  /** Keeps a packet for a namespace that is not entered again yet. @returns `full` if too many wait */
  protected keepWaiting(packet: Packet): boolean | 'full' {
    return this.#returning?.keep(packet) ?? false;
  }

  /**
   * @returns whether a packet is the response to a CONNECT that the client has not sent, since it is in that namespace
   * already
   */
  #returns(packet: Packet): boolean {
    const { nsp } = packet;
    const record = this.#returning?.recordOf(nsp);
    if (record === undefined) return false;
    const verdict = judgeConnectResponse(packet, record);
    if (verdict === 'entered') {
      // Handlers listen to what the client has sent by then.
      process.nextTick(() => {
        for (const waiting of this.#returned(nsp)) this.ondecoded(waiting);
      });
      return true;
    }
    this.#returned(nsp);
    // A client that is in the namespace takes this for its end, and is told why when it enters again.
    if (verdict === 'refused') this.sendPacket({ type: packetType.disconnect, nsp });
    // Not before Socket.IO has given the socket to this client: it would not hear of the end, and stay in its namespace.
    else process.nextTick(() => this.conn.close());
    return true;
  }

  /** A namespace is entered again, or cannot be. @returns the packets that waited for it */
  #returned(namespace: string): readonly Packet[] {
    const waiting = this.#returning?.done(namespace) ?? [];
    if (this.#returning?.size === 0) {
      this.#returning = undefined;
      this.#release?.();
      this.#release = undefined;
    }
    return waiting;
  }

  /** Tells a client that it is in a namespace. */
  #respondToConnect(packet: Packet): void {
    const { nsp, data } = packet;
    const socket: Responded | undefined = this.server.of(nsp).sockets.get((data as { sid: string }).sid);
    this.responses++;
    if (socket !== undefined) socket[response] = this.responses;
    // A client that is in the main namespace alone is not saved before its session has begun.
    if (this.#hasOthers) this.#holdUntilSaved();
    super._packet(numberedConnectResponse(packet, this.conn.id, this.responses));
  }

  /** A client that got the response that it is in a namespace is to be there after a crash. */
  #holdUntilSaved(): void {
    const { onNamespaces } = this;
    if (onNamespaces === undefined) return;
    const release = this.#hold(enterMs);
    // It is in the namespace in the next tick.
    process.nextTick(() => void onNamespaces(this).then(release, release));
  }

  /** Keeps what is written to the client in the queue of its connection, for `ms` at most. @returns ends this */
  #hold(ms: number): () => void {
    if (this.#holds++ === 0) holdWrites(this.conn);
    const release = (): void => {
      clearTimeout(timer);
      if (isOver) return;
      isOver = true;
      if (--this.#holds === 0) releaseWrites(this.conn);
    };
    let isOver = false;
    const timer = setTimeout(release, ms);
    return release;
  }

  #lookAcked(): void {
    if (this.#onAcked !== undefined && owedAcks(this.sockets.values()) === 0) this.#onAcked();
  }
}

/** What Socket.IO's recovery asks by, beside what the client sent: handlers see the latter alone. */
function authOf(auth: object, pid: string): object {
  return Object.defineProperties({ ...auth }, { pid: { value: pid }, offset: { value: '' } });
}
