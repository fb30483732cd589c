import type { Joined, JoinRequest, Position } from '@gopush/contract';
import { insideOfSocket, roomsOf } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { EmittedEvents } from '../emitted-events/emitted-events.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import type { Tail } from '../rooms/delivery/recent-deliveries.ts';
import type { ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import type { ScopeOf } from '../rooms/names/product-scope.ts';
import { slowClients } from '../rooms/names/room-names.ts';
import type { SocketRecord } from '../stored-session/session-record.ts';
import { SerialQueue } from '../tasks/serial-queue.ts';
import { type InboxContext, InboxPump } from './inbox-pump.ts';
import { Memberships, type MembershipsContext, type Positions } from './memberships.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { Restored } from './restored.ts';

/** Context that the sessions of this node share. */
export interface SessionContext extends MembershipsContext {
  /** The scope of a product. */
  readonly scopeOf: ScopeOf;
  readonly inbox: InboxContext;
  /** What programs did to users recently. */
  readonly changes: RecentChanges;
  /** What programs have sent. */
  readonly emittedEvents: EmittedEvents;
  /** The connection of a socket, with whether its client asked for the further arguments of messages. */
  readonly connectionOf: (socket: Socket) => { asksForPositions: boolean };
  /** A client has left a room, whose positions have this epoch. */
  readonly leftRoom: (socket: Socket, room: string, epoch: string) => void;
  /** The rooms of a session have changed. Resolves when that is stored, if it is. */
  readonly onChange: (session: Session) => Promise<void>;
  /** A session that was restored is in its rooms again. */
  readonly onRestored: (session: Session) => Promise<void>;
  /** Whether the session continues here on another connection, whose socket has the same id. */
  readonly isReplaced: (session: Session) => boolean;
  /** A session has begun here that `node` has given. */
  readonly onTaken: (session: Session, node: string) => void;
}

/** Most requests of one client that wait for those before them. */
const maxWaiting = 1_000;

const done = Promise.resolve();
const noRooms: ReadonlySet<string> = new Set();

/** Where a socket keeps its session. */
const ofSocket = Symbol('session');
interface Slot {
  [ofSocket]?: Session;
}

/** The session of a socket that was admitted. */
export function sessionOf(socket: Socket): Session | undefined {
  return (socket as Slot)[ofSocket];
}

/** One client's time on this push-server: who it is, its rooms, its requests and its inbox. */
export class Session {
  readonly socket: Socket;
  readonly client: ServerClient;
  readonly inbox: InboxPump;
  #requests: SerialQueue | undefined = undefined;
  /** Events of the client that `onMessage` of the server hook is handling. */
  asked = 0;
  readonly #context: SessionContext;
  readonly #memberships: Memberships;
  /** The parts of a stored session that it gets back; `undefined` once it has begun, and for a new session. */
  #restored: Restored | undefined;
  readonly #wasRestored: boolean;
  #stopWaiting: (() => void) | undefined = undefined;
  /** Idempotency keys of what the client had received when the session migrated. */
  #hadAtEnd: readonly ReceivedKey[] | undefined = undefined;
  #hasMigrated = false;
  #begun: Promise<void> | undefined = undefined;
  #hasFailed = false;

  /** @param restored - the parts of a stored session that it gets back; absent for a new session */
  constructor(socket: Socket, client: ServerClient, context: SessionContext, restored?: Restored) {
    this.#restored = restored;
    this.#wasRestored = restored !== undefined;
    this.socket = socket;
    this.client = client;
    this.#context = context;
    const user = context.scopeOf(client.product) + client.uid;
    this.#memberships = new Memberships(socket, user, context);
    if (restored?.record.marks === true) context.connectionOf(socket).asksForPositions = true;
    this.inbox = new InboxPump(socket, user, context.inbox, restored?.record.inboxAfter);
    context.delivery.receivedKeys.add(socket.id, restored?.record.had ?? []);
    (socket as Slot)[ofSocket] = this;
  }

  /** Requests of the client, served in order. */
  get requests(): SerialQueue {
    this.#requests ??= new SerialQueue(maxWaiting);
    return this.#requests;
  }

  /** Whether requests of the client are under way, or wait. */
  get hasRequests(): boolean {
    return this.#requests !== undefined && this.#requests.size > 0;
  }

  /**
   * From now on the client gets messages of rooms with further arguments. Resolves when that is stored: a client that got the response finds no room of
   * a message without them, also after a crash.
   */
  async askForMarks(): Promise<void> {
    const connection = this.#context.connectionOf(this.socket);
    if (connection.asksForPositions) return;
    connection.asksForPositions = true;
    await this.begun;
    await this.#context.onChange(this);
  }

  /** Socket.IO's private id, by which the client asks for its session after a reconnect. */
  get pid(): string {
    return insideOfSocket(this.socket).pid;
  }

  /** The user: the uid, after the scope of its product. */
  get user(): string {
    return this.#memberships.user;
  }

  /** Whether the client may be given more of histories. */
  get mayReplay(): boolean {
    return this.#memberships.mayReplay;
  }

  /** The number of rooms that the client is in. */
  get roomCount(): number {
    return this.#memberships.count;
  }

  /** The client's position in each of its rooms. */
  get positions(): Positions {
    return this.#memberships.positions;
  }

  /** The position in each room that the client has certainly reached, whatever this node loses in a crash. */
  get joined(): Positions {
    return this.#memberships.certainPositions;
  }

  /** Whether it can be recovered: a session that has just begun has nothing to lose. */
  get isRecoverable(): boolean {
    if (this.#hasFailed) return false;
    const memberships = this.#memberships;
    return this.#wasRestored ? memberships.has(memberships.ownRoom) : memberships.hasEntered(memberships.ownRoom);
  }

  /** The last messages of its rooms that the client was given, which may not have arrived. */
  tail(now: number): Tail {
    return this.#memberships.tail(now);
  }

  /** The full name of a room of the client's product. */
  roomNamed(room: string): string {
    return this.#memberships.nameOf(room);
  }

  /** Describes it for the node that will have it next. Fields that it lacks are `undefined`: objects of many shapes are slow to make and to encode. */
  describe(
    positions: Positions,
    inboxAfter = this.inbox.after,
    { reached, answer }: Pick<SocketRecord, 'reached' | 'answer'> = {},
  ): SocketRecord {
    const { socket, client, pid } = this;
    const memberships = this.#memberships;
    const had = this.#hadAtEnd ?? memberships.had;
    return {
      namespace: socket.nsp.name,
      id: socket.id,
      pid,
      auth: socket.handshake.auth,
      rooms: [...roomsOf(socket)].filter(
        (room) => room !== socket.id && room !== slowClients && !memberships.has(room),
      ),
      data: socket.data,
      positions: [...positions],
      reached,
      marks: this.#context.connectionOf(socket).asksForPositions ? true : undefined,
      had: had.length === 0 ? undefined : had,
      emitted: this.#context.emittedEvents.standing(socket),
      inboxAfter,
      clientData: client.data,
      claims: client.claims,
      answer,
    };
  }

  /** Announces it, so that messages to its user reach this node. A store that is down keeps no client out. */
  async prepare(): Promise<void> {
    const { id } = this.socket;
    const { presence, streams } = this.#context;
    const entered = presence.entered(id, this.user);
    // Messages to the user are sent to the nodes where the user is. Messages sent before are in the history, if that is read afterwards.
    if (this.#wasRestored) await entered;
    await Promise.all([entered, streams.open(this.#memberships.ownRoom, id)]);
  }

  /** Calls back if the connection ends before the session begins: Socket.IO has no event for that. */
  whenCutShort(listener: () => void): void {
    const { conn } = this.socket;
    if (conn.readyState !== 'open') {
      listener();
      return;
    }
    conn.once('close', listener);
    this.#stopWaiting = () => conn.off('close', listener);
  }

  /** Whether another node has it now. */
  get hasMigrated(): boolean {
    return this.#hasMigrated;
  }

  /**
   * Begins: enters the room of its user and looks into the inbox; or, restored, enters its rooms at their positions. Resolves when the client has
   * been given everything that it missed.
   */
  begin(): Promise<void> {
    this.#begun ??= this.#begin().then(
      () => {
        // One for all sessions.
        this.#begun = done;
      },
      (error: unknown) => {
        // Recovered, it would fail again.
        this.#hasFailed = true;
        throw error;
      },
    );
    return this.#begun;
  }

  /** Whether it is about to begin. */
  get isBeginning(): boolean {
    return this.#begun !== undefined && this.#begun !== done && !this.#hasFailed;
  }

  /** Resolves when it has begun, or could not. */
  get begun(): Promise<void> {
    return this.#begun?.catch(() => {}) ?? Promise.resolve();
  }

  async #begin(): Promise<void> {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    const restored = this.#restored;
    this.#restored = undefined;
    if (restored !== undefined) {
      await this.#restore(restored);
      return;
    }
    await this.#memberships.enterOwn();
    void this.inbox.wake();
    await this.#context.onChange(this);
  }

  async #restore(restored: Restored): Promise<void> {
    const { positions, given, node, hasMigrated } = restored;
    const left = this.#leftMeanwhile(restored);
    const kept = left.size === 0 ? positions : new Map([...positions].filter(([room]) => !left.has(room)));
    await this.#memberships.restore(kept, given);
    void this.inbox.wake();
    await this.#context.onRestored(this);
    await this.#changeAsMeanwhile(restored);
    if (hasMigrated) this.#context.onTaken(this, node);
  }

  /** Rooms from which a program removed its user while no node had it. Their members are notified that the user has left. */
  #leftMeanwhile({ at, positions }: Restored): ReadonlySet<string> {
    const { presence, changes } = this.#context;
    const { rooms } = changes.since(this.user, at);
    if (rooms.size === 0) return noRooms;
    const left = [...rooms].flatMap(([room, change]) => (change === 'leave' ? [this.roomNamed(room)] : []));
    const own = left.filter((room) => positions.has(room));
    for (const room of own) {
      presence.joined(this.socket.id, this.user, room);
      presence.left(this.socket.id, room);
    }
    return new Set(own);
  }

  /** Applies the changes that a program made to its user while no node had the session, and while it entered its rooms again. */
  async #changeAsMeanwhile({ at, hasMigrated }: Restored): Promise<void> {
    const { ended, rooms } = this.#context.changes.since(this.user, at);
    if (ended) this.socket.disconnect(true);
    if (rooms.size === 0) return;
    const changed = (wanted: 'join' | 'leave') =>
      [...rooms].flatMap(([room, change]) => (change === wanted ? [room] : []));
    await this.leave(...changed('leave'));
    // A program adds connected clients to a room alone. One whose session migrates is connected.
    if (hasMigrated) await this.join(...changed('join').map((room) => ({ room })));
  }

  /** Enters rooms, one after the other. @returns the position in each, for fewer rooms if the connection ended meanwhile */
  async join(...requests: readonly JoinRequest[]): Promise<Joined[]> {
    const { joined, isChanged } = await this.#memberships.join(requests);
    // A client that got the response that it is in a room must be there after a crash.
    if (isChanged) await this.#context.onChange(this);
    return joined;
  }

  /** Leaves rooms at once, and resolves when that is stored. @returns those that the client was in */
  async leave(...rooms: readonly string[]): Promise<string[]> {
    const left = rooms.filter((room) => this.#leave(room));
    // A client that got the response that it has left a room must not be there after a crash.
    if (left.length > 0) await this.#context.onChange(this);
    return left;
  }

  #leave(room: string): boolean {
    const { streams, leftRoom } = this.#context;
    const name = this.roomNamed(room);
    const position = streams.position(name);
    if (!this.#memberships.leave(room)) return false;
    if (position !== null) leftRoom(this.socket, name, position.epoch);
    return true;
  }

  isIn(room: string): boolean {
    return this.#memberships.has(this.roomNamed(room));
  }

  /**
   * Ends it on this node.
   *
   * @param how - `gone`: the connection has ended; `migrated`: the session has migrated to another node; `not taken`: it began here, but another
   * node has taken it
   * @returns the client's positions
   */
  end(how: 'gone' | 'migrated' | 'not taken'): ReadonlyMap<string, Position | null> {
    const memberships = this.#memberships;
    const { positions } = memberships;
    if (how === 'migrated') this.#hadAtEnd = memberships.had;
    if (how !== 'gone') {
      this.#hasMigrated = true;
      this.inbox.stop();
    }
    // What is known by the id of its socket is the other one's.
    if (!this.#context.isReplaced(this)) memberships.end(how);
    return positions;
  }
}
