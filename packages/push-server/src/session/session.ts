import { events, type Gap, type Joined, type JoinRequest, type Position } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { emitLocal, SmallMap } from '@gopush/slim-socket-io';
import type { Store } from '@gopush/store';
import type { Socket } from 'socket.io';
import { say } from '../emit/saying.ts';
import type { EmittedEvents } from '../emitted-events/emitted-events.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import { migratingClientOf } from '../migration/migrating-client.ts';
import type { Restored } from '../recovery/recovery.ts';
import { decodePublication } from '../rooms/codec/publication.ts';
import { messageEvent, positionEvent } from '../rooms/delivery/client-event.ts';
import type { Delivery, RecentDeliveries, Tail } from '../rooms/delivery/recent-deliveries.ts';
import type { DeliveredKeys } from '../rooms/idempotency/delivered-keys.ts';
import { maxReceivedKeys, type ReceivedKey, type ReceivedKeys } from '../rooms/idempotency/received-keys.ts';
import {
  plainName,
  roomOfClients,
  roomOfUser,
  type Scope,
  type ScopeOf,
  slowClients,
} from '../rooms/names/room-names.ts';
import type { NodePresence } from '../rooms/presence/node-presence.ts';
import { ReplayBudget } from '../rooms/stream/replay-budget.ts';
import type { RoomStreams } from '../rooms/stream/room-streams.ts';
import type { SocketRecord } from '../stored-session/session-record.ts';
import { SerialQueue } from '../tasks/serial-queue.ts';
import { InboxPump } from './inbox-pump.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { RecentChanges } from './recent-changes.ts';

/** What the sessions of this node share. */
export interface SessionContext {
  readonly streams: RoomStreams;
  readonly presence: NodePresence;
  readonly store: Store;
  readonly log: Logger;
  /** Its rooms have changed. Resolves when that is kept, where it is. */
  readonly onChange: (session: Session) => Promise<void>;
  /** It goes on here, after `node` has handed it over. */
  readonly onTaken: (session: Session, node: string) => void;
  /** Whether clients are told who published a message: `pushServer.senders`. */
  readonly senders: boolean;
  /** The scope of a product. */
  readonly scopeOf: ScopeOf;
  readonly all: LiveSessions;
  /** What programs did to users of late. */
  readonly changes: RecentChanges;
  /** What this node has given of late. */
  readonly recent: RecentDeliveries;
  /** The ids of what this node has given. */
  readonly deliveredKeys: DeliveredKeys;
  /** What clients have had elsewhere. */
  readonly receivedKeys: ReceivedKeys;
  /** What programs have sent. */
  readonly emittedEvents: EmittedEvents;
  /** How long it may go unnoticed that a connection has ended, in milliseconds. */
  readonly doubtMs: number;
}

/** Where a session stood in its rooms; `null` where a room keeps nothing. */
export type Positions = ReadonlyMap<string, Position | null>;

/** What a client may ask of rooms while what it asked before is not decided. */
const maxWaiting = 1_000;

/** Where a socket keeps its session. */
const ofSocket = Symbol('session');
interface Slot {
  [ofSocket]?: Session;
}

/** The session of a socket that was admitted. */
export function sessionOf(socket: Socket): Session | undefined {
  return (socket as Slot)[ofSocket];
}

/** One client's life on a push-server: who it is, the rooms it is in, what it is given from its inbox. */
export class Session {
  readonly socket: Socket;
  readonly client: ServerClient;
  readonly inbox: InboxPump;
  /** Events that the server hook has in hand. */
  asked = 0;
  /** What its client asks of rooms. */
  readonly requests = new SerialQueue(maxWaiting);
  readonly #context: SessionContext;
  /** Rooms it is in by their full names, its user's included, with where it began in each. */
  readonly #rooms = new SmallMap<string, Position | null>();
  /** Rooms that it is only entering, with where it goes on from; `undefined`: it begins there. */
  readonly #entering = new SmallMap<string, Position | null | undefined>();
  /** What it was given of what it had missed. */
  #caughtUp: readonly CaughtUp[] = none;
  /** Where it stood in rooms in which it has been given what it missed: that may get lost with this node. */
  readonly #stoodAt = new SmallMap<string, Position>();
  /** Where it goes on from, until it does. */
  #restored: Restored | undefined;
  readonly #goesOn: boolean;
  #forget: (() => void) | undefined;
  /** What it had had when it was handed over. */
  #hadAtEnd: Pick<SocketRecord, 'had'> | undefined;
  #moved = false;
  #begun: Promise<void> | undefined;
  #isBegun = false;
  #hasFailed = false;
  /** Of those who ask for a history. */
  #replay: ReplayBudget | undefined;

  /** @param restored - where it goes on from, where it does */
  constructor(socket: Socket, client: ServerClient, context: SessionContext, restored?: Restored) {
    this.#restored = restored;
    this.#goesOn = restored !== undefined;
    this.socket = socket;
    this.client = client;
    this.#context = context;
    const { store, streams, log } = context;
    if (restored?.record.marks === true) this.askForMarks();
    this.inbox = new InboxPump(socket, this.user, store.inbox, streams.undecodable, log, restored?.record.inboxAfter);
    context.receivedKeys.add(socket.id, restored?.record.had ?? []);
    (socket as Slot)[ofSocket] = this;
  }

  /** From now on messages of rooms have further arguments. */
  askForMarks(): void {
    migratingClientOf(this.socket).asksForMarks = true;
  }

  /** Socket.IO's private id, by which its client asks for it after a reconnect. */
  get pid(): string {
    return (this.socket as unknown as { pid: string }).pid;
  }

  /** Whether it may be given more of what it missed. */
  get mayReplay(): boolean {
    return this.#replay?.hasMore(performance.now()) ?? true;
  }

  /** How many rooms it is in. */
  get roomCount(): number {
    return this.#rooms.size - (this.#rooms.has(this.#ofUser) ? 1 : 0);
  }

  /** Where it stands in each of its rooms. */
  get positions(): Positions {
    return new Map(
      [...this.#rooms.keys()].map((room) => {
        const from = this.#entering.get(room);
        return [room, from === undefined ? this.#context.streams.position(room) : from];
      }),
    );
  }

  /** Whether it can be gone on with: one that has only begun has nothing to lose. */
  get isRecoverable(): boolean {
    return !this.#hasFailed && this.#rooms.has(this.#ofUser) && (this.#goesOn || !this.#entering.has(this.#ofUser));
  }

  /** The last of what it was given in its rooms. */
  tail(now: number): Tail {
    const { recent, doubtMs } = this.#context;
    const since = now - doubtMs;
    const entered = new Map([...this.#rooms].filter(([room]) => !this.#entering.has(room)));
    const own = this.#caughtUp.filter(({ room, at }) => at >= since && entered.has(room)).flatMap(deliveriesOf);
    return recent.since(since, entered, own);
  }

  /** Its user among those of all products: the uid, after the scope of the product. */
  get user(): string {
    return this.#scope + this.client.uid;
  }

  get #scope(): Scope {
    return this.#context.scopeOf(this.client.product);
  }

  /** The full name of a room of its product. */
  roomNamed(room: string): string {
    return roomOfClients(room, this.#scope);
  }

  get #ofUser(): string {
    return roomOfUser(this.user);
  }

  /** Where it surely stood in each of its rooms, whatever of this node's work gets lost. */
  get joined(): Positions {
    return new Map([...this.#rooms].map(([room, position]) => [room, this.#stoodAt.get(room) ?? position]));
  }

  /** What somebody needs who goes on with it. */
  describe(positions: Positions, inboxAfter = this.inbox.after): SocketRecord {
    const { socket, client, pid } = this;
    return {
      namespace: socket.nsp.name,
      id: socket.id,
      pid,
      auth: socket.handshake.auth,
      rooms: [...socket.rooms].filter((room) => room !== socket.id && room !== slowClients && !this.#rooms.has(room)),
      data: socket.data,
      positions: [...positions],
      ...(migratingClientOf(socket).asksForMarks ? { marks: true } : {}),
      ...(this.#hadAtEnd ?? this.#had()),
      emitted: this.#context.emittedEvents.standing(socket),
      inboxAfter,
      clientData: client.data,
      claims: client.claims,
    };
  }

  /** What it has had, here and elsewhere, of what may be kept yet. */
  #had(): Pick<SocketRecord, 'had'> {
    const { deliveredKeys, streams, receivedKeys, doubtMs } = this.#context;
    const sure = performance.now() - doubtMs;
    const all: ReceivedKey[] = [...receivedKeys.of(this.socket.id)];
    for (const room of this.#rooms.keys()) {
      const entered = streams.turnOf(room, this.socket.id);
      if (entered === undefined) continue;
      for (const { id, at, count } of deliveredKeys.unkeptSince(room, entered))
        all.push([room, id, at < sure ? 0 : count]);
    }
    return all.length === 0 ? {} : { had: all.slice(-maxReceivedKeys) };
  }

  /** Makes it known, so that what is said to its user reaches this node. A store that is away does not keep anyone out. */
  async prepare(): Promise<void> {
    const { id } = this.socket;
    const { user } = this;
    await Promise.all([this.#context.presence.entered(id, user), this.#context.streams.open(roomOfUser(user), id)]);
  }

  /** Has something called where its connection ends before it has begun: nobody else hears of that. */
  whenCutShort(listener: () => void): void {
    const { conn } = this.socket;
    if (conn.readyState !== 'open') {
      listener();
      return;
    }
    conn.once('close', listener);
    this.#forget = () => conn.off('close', listener);
  }

  /** Whether it goes on at another node. */
  get isMoved(): boolean {
    return this.#moved;
  }

  /** Whether its client has been told that it is connected. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Begins: its user's room, then what waits for it; or goes on where it was. Resolves when it has all that came since. */
  begin(): Promise<void> {
    this.#begun ??= this.#begin().catch((error: unknown) => {
      // It would come back to the same failure.
      this.#hasFailed = true;
      throw error;
    });
    return this.#begun;
  }

  /** Resolves when it has begun, or could not. */
  get begun(): Promise<void> {
    return this.#begun?.catch(() => {}) ?? Promise.resolve();
  }

  async #begin(): Promise<void> {
    this.#isBegun = true;
    this.#forget?.();
    this.#forget = undefined;
    if (this.#restored !== undefined) {
      const restored = this.#restored;
      const { positions, given, node, moved } = restored;
      this.#restored = undefined;
      const left = this.#leftMeanwhile(restored);
      await this.#resume(new Map([...positions].filter(([room]) => !left.has(room))), given);
      await this.#changeAsMeanwhile(restored);
      if (moved) this.#context.onTaken(this, node);
      return;
    }
    await this.#enter(this.#ofUser, undefined);
    void this.inbox.wake();
    await this.#context.onChange(this);
  }

  /** Rooms out of which a program took it while it was on no node. Whoever is in them is told so. */
  #leftMeanwhile({ at, positions }: Restored): ReadonlySet<string> {
    const { presence, changes } = this.#context;
    const { rooms } = changes.since(this.user, at);
    const left = [...rooms].flatMap(([room, change]) => (change === 'leave' ? [this.roomNamed(room)] : []));
    const own = left.filter((room) => positions.has(room));
    for (const room of own) {
      presence.joined(this.socket.id, this.user, room);
      presence.left(this.socket.id, room);
    }
    return new Set(own);
  }

  /** What a program did to its user meanwhile, and while it entered its rooms again. */
  async #changeAsMeanwhile({ at, moved }: Restored): Promise<void> {
    const { ended, rooms } = this.#context.changes.since(this.user, at);
    if (ended) this.socket.disconnect(true);
    for (const [room, change] of rooms) {
      if (change === 'leave') this.leave(room);
      // Only the devices that are connected are put into a room; one that moves is.
      else if (moved) await this.join({ room });
    }
  }

  /**
   * Goes on where it was: its rooms from their positions on. Resolves when it has all that came since.
   *
   * @param given - the last messages that went out to it, which count before the positions; one for each room at most
   */
  async #resume(positions: Positions, given: readonly Position[]): Promise<boolean> {
    const { presence, streams } = this.#context;
    // Before anything is awaited: it may be cut off again at any time.
    for (const [room, from] of positions) {
      this.#rooms.set(room, from);
      this.#entering.set(room, from);
    }
    const entered = await Promise.all(
      [...positions].map(async ([room, from]) => {
        await streams.open(room, this.socket.id);
        const now = streams.position(room);
        const last = given.find(({ epoch }) => epoch === (from?.epoch ?? now?.epoch));
        // It may have left, or have been moved, meanwhile.
        if (!this.#rooms.has(room)) {
          streams.leave(room, this.socket.id);
          return true;
        }
        const { position, recovered } = await this.#enter(room, last ?? from ?? 'start');
        if (room.startsWith('r:') && this.#rooms.has(room)) presence.joined(this.socket.id, this.user, room);
        if (recovered === false && position !== null) {
          this.socket.emit(events.gap, { room: plainName(room), position } satisfies Gap);
        }
        return recovered !== false;
      }),
    );
    void this.inbox.wake();
    await this.#context.onChange(this);
    return entered.every(Boolean);
  }

  /** Enters rooms, one after the other. @returns how it stands in each; where its connection ends meanwhile not in all */
  async join(...requests: readonly JoinRequest[]): Promise<Joined[]> {
    const joined: Joined[] = [];
    let isChanged = false;
    for (const { room, from } of requests) {
      // Entering a room after the end would leave the socket there for ever.
      if (!this.socket.connected) return joined;
      const name = this.roomNamed(room);
      if (from === undefined && this.#rooms.has(name) && !this.#entering.has(name)) {
        joined.push({ room, position: this.#context.streams.position(name) });
        continue;
      }
      isChanged = true;
      if (from !== undefined) this.#replay ??= new ReplayBudget(performance.now());
      const { position, recovered } = await this.#enter(name, from);
      // Someone may have taken it out of the room meanwhile.
      if (this.#rooms.has(name)) this.#context.presence.joined(this.socket.id, this.user, name);
      joined.push({ room, position, ...(recovered === undefined ? {} : { recovered }) });
    }
    // Whoever is told that it is in a room finds itself there after a crash.
    if (isChanged) await this.#context.onChange(this);
    return joined;
  }

  /** @returns whether it was in the room */
  leave(room: string): boolean {
    const name = this.roomNamed(room);
    if (!this.#rooms.delete(name)) return false;
    this.#entering.delete(name);
    void this.socket.leave(name);
    this.#context.streams.leave(name, this.socket.id);
    this.#context.presence.left(this.socket.id, name);
    void this.#context.onChange(this);
    return true;
  }

  isIn(room: string): boolean {
    return this.#rooms.has(this.roomNamed(room));
  }

  /**
   * Its connection is over; what it stood at is given back for whoever goes on with the session.
   *
   * @param how - `moved`: it goes on elsewhere; `never here`: so it does, and was only tried here
   */
  end(how: 'gone' | 'moved' | 'never here'): Positions {
    const { streams, presence } = this.#context;
    const { positions } = this;
    const { id } = this.socket;
    if (how === 'moved') this.#hadAtEnd = this.#had();
    for (const room of this.#rooms.keys()) streams.leave(room, id);
    streams.leave(this.#ofUser, id);
    this.#context.receivedKeys.remove(id);
    // Nobody is to be seen leaving and coming who only moves.
    if (how === 'moved') presence.moved(id, this.#ownRooms());
    else presence.gone(id, this.#ownRooms());
    if (how !== 'gone') {
      this.#moved = true;
      this.inbox.stop();
      // What is said from now on is for whoever goes on with it.
      for (const room of this.#rooms.keys()) void this.socket.leave(room);
    }
    this.#rooms.clear();
    this.#entering.clear();
    return positions;
  }

  #ownRooms(): string[] {
    return [...this.#rooms.keys()].filter((room) => room.startsWith('r:'));
  }

  async #enter(room: string, from: Position | 'start' | undefined): ReturnType<RoomStreams['join']> {
    const { socket } = this;
    if (!this.#rooms.has(room)) this.#rooms.set(room, null);
    if (!this.#entering.has(room)) this.#entering.set(room, from === 'start' ? null : from);
    let isWhole = true;
    const joined = await this.#context.streams.join(room, socket.id, from, (missed, position) => {
      for (const one of missed) isWhole = this.#give(room, position?.epoch ?? '', one) && isWhole;
      void socket.join(room);
      // In the same breath: what comes next counts from here.
      this.#entering.delete(room);
      this.#rooms.set(room, position);
      if (position !== null) this.#remember(room, position.epoch, missed);
    });
    this.#entering.delete(room);
    if (!isWhole) return { ...joined, recovered: false };
    if (this.#rooms.has(room) && typeof from === 'object' && joined.recovered === true) this.#stoodAt.set(room, from);
    return joined;
  }

  /** Gives the client a message that it missed. @returns `false` where it cannot be decoded */
  #give(
    room: string,
    epoch: string,
    { offset, payload }: { readonly offset: number; readonly payload: Buffer },
  ): boolean {
    const { socket } = this;
    this.#replay?.spend(payload.length);
    try {
      const missed = decodePublication(payload);
      const { receivedKeys, senders } = this.#context;
      const position = { epoch, offset };
      const emit = (...args: [string, ...unknown[]]): void => emitLocal(socket.nsp, [socket.id], [], args);
      if (receivedKeys.whoHad(room, missed.id).has(socket.id)) say(positionEvent(room, position), emit);
      else if (missed.except !== socket.id) say(messageEvent(room, missed, position, senders), emit);
      return true;
    } catch (error) {
      this.#context.streams.undecodable(room, error);
      return false;
    }
  }

  /** What was missed may be lost on its way as well. */
  #remember(room: string, epoch: string, missed: readonly { readonly offset: number }[]): void {
    const [first, last] = [missed[0]?.offset, missed.at(-1)?.offset];
    if (first === undefined || last === undefined) return;
    const { recent, doubtMs } = this.#context;
    const at = performance.now();
    const young = this.#caughtUp.filter((one) => one.at >= at - doubtMs);
    this.#caughtUp = [...young, { room, epoch, first, last, count: recent.addOwn(), at }];
  }
}

const none: readonly CaughtUp[] = [];

/** Messages of a room that a client was given at once. */
interface CaughtUp {
  readonly room: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Which of the node's deliveries they were. */
  readonly count: number;
  readonly at: number;
}

function deliveriesOf({ room, epoch, first, last, count }: CaughtUp): Delivery[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    room,
    position: { epoch, offset: first + index },
    count,
  }));
}
