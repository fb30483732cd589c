import { events, type Gap, type Joined, type JoinRequest, type Position } from '@gopush/contract';
import { emitLocal, SmallMap } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import { emitEvent } from '../emit/emit-event.ts';
import type { Publication } from '../rooms/codec/publication.ts';
import { type ClientEvent, keptEvent, positionEvent, unkeptEvent } from '../rooms/delivery/client-event.ts';
import type { Tail } from '../rooms/delivery/recent-deliveries.ts';
import type { RoomDelivery } from '../rooms/delivery/room-delivery.ts';
import type { Subscriber } from '../rooms/delivery/subscriber.ts';
import { maxReceivedKeys, type ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import { scopeIn } from '../rooms/names/product-scope.ts';
import { plainName, roomOfClients, roomOfUser } from '../rooms/names/room-names.ts';
import type { NodePresence } from '../rooms/presence/node-presence.ts';
import { ReplayBudget } from '../rooms/stream/replay-budget.ts';
import type { RoomStreams } from '../rooms/stream/room-streams.ts';
import { type CaughtUp, deliveriesOf } from './caught-up.ts';

/** Context that the memberships of all sessions of this node share. */
export interface MembershipsContext {
  readonly streams: RoomStreams;
  readonly presence: NodePresence;
  /** Whether clients get the sender of each message: `pushServer.senders`. */
  readonly senders: boolean;
  /** Delivers messages to the members of rooms on this node. */
  readonly delivery: RoomDelivery;
  /** How long the end of a connection may go unnoticed, in milliseconds. */
  readonly doubtMs: number;
}

/** A position in each room; `null` for a room without a history. */
export type Positions = ReadonlyMap<string, Position | null>;

/**
 * The rooms of one session: which its client is in, at which position it entered each, and what it was given when it entered. Rooms go by their
 * full names; the room of the client's user is one of them.
 */
export class Memberships implements Subscriber {
  /** The user: the uid, after the scope of its product. */
  readonly user: string;
  /** The room of its user: one string for all that keep it. */
  readonly ownRoom: string;
  readonly #socket: Socket;
  readonly #context: MembershipsContext;
  /** Each room with the position at which the client entered it. */
  readonly #rooms = new SmallMap<string, Position | null>();
  /** Rooms that are being entered, with the position to enter at; `undefined`: at the end. Absent while there are none. */
  #entering: SmallMap<string, Position | null | undefined> | undefined = undefined;
  /** Messages of histories that the client was given when it entered rooms. */
  #caughtUp: readonly CaughtUp[] = none;
  /** Positions before messages of a history that the client was given: if this node crashes, it may not have received them. */
  #stoodAt: SmallMap<string, Position> | undefined = undefined;
  /** Made for clients that ask for a history. */
  #replay: ReplayBudget | undefined = undefined;

  constructor(socket: Socket, user: string, context: MembershipsContext) {
    this.#socket = socket;
    this.user = user;
    this.ownRoom = roomOfUser(user);
    this.#context = context;
  }

  /** Its name as a member of rooms: the id of the socket. */
  get id(): string {
    return this.#socket.id;
  }

  /** The full name of a room of the client's product. */
  nameOf(room: string): string {
    return roomOfClients(room, scopeIn(this.user));
  }

  /** Whether the client may be given more of histories. */
  get mayReplay(): boolean {
    return this.#replay?.hasMore(performance.now()) ?? true;
  }

  /** The number of rooms, without that of the user. */
  get count(): number {
    return this.#rooms.size - (this.#rooms.has(this.ownRoom) ? 1 : 0);
  }

  has(name: string): boolean {
    return this.#rooms.has(name);
  }

  /** Whether the client is in a room and has everything that it missed there. */
  hasEntered(name: string): boolean {
    return this.#rooms.has(name) && !this.#isEntering(name);
  }

  /** The client's position in each room. */
  get positions(): Positions {
    return new Map(
      [...this.#rooms.keys()].map((room) => {
        const from = this.#entering?.get(room);
        return [room, from === undefined ? this.#context.streams.position(room) : from];
      }),
    );
  }

  /** The position in each room that the client has certainly reached, whatever this node loses in a crash. */
  get certainPositions(): Positions {
    return new Map([...this.#rooms].map(([room, position]) => [room, this.#stoodAt?.get(room) ?? position]));
  }

  /** The last messages of its rooms that the client was given, which may not have arrived. */
  tail(now: number): Tail {
    const { delivery, doubtMs } = this.#context;
    const since = now - doubtMs;
    const entered = new Map([...this.#rooms].filter(([room]) => !this.#isEntering(room)));
    const own = this.#caughtUp.filter(({ room, at }) => at >= since && entered.has(room)).flatMap(deliveriesOf);
    return delivery.recent.since(since, entered, own);
  }

  /** Idempotency keys of messages that the client received here or at other nodes, and that may yet be kept in a history. */
  get had(): readonly ReceivedKey[] {
    const { delivery, streams, doubtMs } = this.#context;
    const { deliveredKeys, receivedKeys } = delivery;
    const sure = performance.now() - doubtMs;
    const all: ReceivedKey[] = [...receivedKeys.of(this.#socket.id)];
    for (const room of this.#rooms.keys()) {
      const entered = streams.turnOf(room, this.#socket.id);
      if (entered === undefined) continue;
      for (const { id, at, count } of deliveredKeys.unkeptSince(room, entered))
        all.push([room, id, at < sure ? 0 : count]);
    }
    return all.slice(-maxReceivedKeys);
  }

  /** Enters the room of the user. */
  async enterOwn(): Promise<void> {
    await this.#enter(this.ownRoom, undefined);
  }

  /**
   * Enters rooms, one after the other.
   *
   * @returns the position in each, for fewer rooms if the connection ended meanwhile; and whether any was entered
   */
  async join(requests: readonly JoinRequest[]): Promise<{ readonly joined: Joined[]; readonly isChanged: boolean }> {
    const joined: Joined[] = [];
    let isChanged = false;
    for (const { room, from } of requests) {
      // Entering a room after the end would leave the socket there for ever.
      if (!this.#socket.connected) return { joined, isChanged: false };
      const name = this.nameOf(room);
      if (from === undefined && this.hasEntered(name)) {
        joined.push({ room, position: this.#context.streams.position(name) });
        continue;
      }
      isChanged = true;
      if (from !== undefined) this.#replay ??= new ReplayBudget(performance.now());
      const { position, recovered } = await this.#enter(name, from);
      // A program may have removed the client from the room meanwhile.
      if (this.#rooms.has(name)) this.#context.presence.joined(this.#socket.id, this.user, name);
      joined.push({ room, position, ...(recovered === undefined ? {} : { recovered }) });
    }
    return { joined, isChanged };
  }

  /**
   * Enters the rooms of a restored session at their positions. Resolves when the client has been given everything that it missed there.
   *
   * @param given - the last messages that went out to the client, at most one for each room: they count before the positions
   */
  async restore(positions: Positions, given: readonly Position[]): Promise<void> {
    // Before anything is awaited: the connection may be lost again at any time.
    for (const [room, from] of positions) {
      this.#rooms.set(room, from);
      this.#setEntering(room, from);
    }
    await Promise.all([...positions].map(([room, from]) => this.#restoreOne(room, from, given)));
  }

  async #restoreOne(room: string, from: Position | null, given: readonly Position[]): Promise<void> {
    const { presence, streams } = this.#context;
    const { id } = this.#socket;
    await streams.open(room, id);
    const now = streams.position(room);
    const last = given.find(({ epoch }) => epoch === (from?.epoch ?? now?.epoch));
    // It may have left the room, or the session may have migrated, meanwhile.
    if (!this.#rooms.has(room)) {
      streams.leave(room, id);
      return;
    }
    const { position, recovered } = await this.#enter(room, last ?? from ?? 'start');
    if (isOfClients(room) && this.#rooms.has(room)) presence.joined(id, this.user, room);
    if (recovered === false && position !== null) this.gap(room, position);
  }

  /** @returns whether the client was in the room */
  leave(room: string): boolean {
    const name = this.nameOf(room);
    if (!this.#rooms.delete(name)) return false;
    this.#deleteEntering(name);
    const { id } = this.#socket;
    void this.#socket.leave(name);
    this.#context.streams.leave(name, id);
    this.#context.presence.left(id, name);
    return true;
  }

  /**
   * Leaves all rooms at the end of the session here.
   *
   * @param how - `gone`: the session has ended; `migrated`: it has migrated to another node, and others must not see its user leave; `not taken`:
   * it began here, but another node has taken it
   */
  end(how: 'gone' | 'migrated' | 'not taken'): void {
    const { streams, presence, delivery } = this.#context;
    const { id } = this.#socket;
    for (const room of this.#rooms.keys()) streams.leave(room, id);
    streams.leave(this.ownRoom, id);
    delivery.receivedKeys.remove(id);
    const rooms = [...this.#rooms.keys()].filter(isOfClients);
    if (how === 'migrated') presence.migrated(id, rooms);
    else presence.gone(id, rooms);
    // Messages that are published from now on are for the node that has the session.
    if (how !== 'gone') for (const room of this.#rooms.keys()) void this.#socket.leave(room);
    this.#rooms.clear();
    this.#entering = undefined;
  }

  async #enter(room: string, from: Position | 'start' | undefined): ReturnType<RoomStreams['join']> {
    const socket = this.#socket;
    if (!this.#rooms.has(room)) this.#rooms.set(room, null);
    if (!this.#isEntering(room)) this.#setEntering(room, from === 'start' ? null : from);
    let isWhole = true;
    const joined = await this.#context.streams.join(room, socket.id, from, (missed, position) => {
      for (const one of missed)
        isWhole = this.#give(room, { epoch: position?.epoch ?? '', offset: one.offset }, one.payload) && isWhole;
      void socket.join(room);
      // In the same turn of the event loop: the next message counts from here.
      this.#deleteEntering(room);
      this.#rooms.set(room, position);
      if (position !== null) this.#remember(room, position.epoch, missed);
    });
    this.#deleteEntering(room);
    if (!isWhole) return { ...joined, recovered: false };
    if (this.#rooms.has(room) && typeof from === 'object' && joined.recovered === true) {
      this.#stoodAt ??= new SmallMap();
      this.#stoodAt.set(room, from);
    }
    return joined;
  }

  /** Gives the client a message that it missed. @returns `false` if the message cannot be decoded */
  #give(room: string, position: Position, payload: Buffer): boolean {
    this.#replay?.spend(payload.length);
    return this.#context.delivery.deliverMissed(this, room, position, payload);
  }

  /** Gives the client alone a message of a room. */
  receive(room: string, publication: Publication, position: Position | null): void {
    const { senders } = this.#context;
    if (position === null) this.#emit(unkeptEvent(room, publication, senders, undefined));
    else this.#emit(keptEvent(room, publication, position, senders));
  }

  /** Gives the client a position instead of a message that it had before. */
  skip(room: string, position: Position): void {
    this.#emit(positionEvent(room, position));
  }

  /** Tells the client that it missed messages of a room. */
  gap(room: string, position: Position): void {
    this.#socket.emit(events.gap, { room: plainName(room), position } satisfies Gap);
  }

  #emit(event: ClientEvent): void {
    const { nsp, id } = this.#socket;
    emitEvent(event, (...args) => emitLocal(nsp, [id], [], args));
  }

  /** The missed messages may be lost on their way to the client as well. */
  #remember(room: string, epoch: string, missed: readonly { readonly offset: number }[]): void {
    const [first, last] = [missed[0]?.offset, missed.at(-1)?.offset];
    if (first === undefined || last === undefined) return;
    const { delivery, doubtMs } = this.#context;
    const at = performance.now();
    const young = this.#caughtUp.filter((one) => one.at >= at - doubtMs);
    this.#caughtUp = [...young, { room, epoch, first, last, count: delivery.recent.addOwn(), at }];
  }

  #isEntering(room: string): boolean {
    return this.#entering?.has(room) === true;
  }

  #setEntering(room: string, from: Position | null | undefined): void {
    this.#entering ??= new SmallMap();
    this.#entering.set(room, from);
  }

  #deleteEntering(room: string): void {
    this.#entering?.delete(room);
    if (this.#entering?.size === 0) this.#entering = undefined;
  }
}

const none: readonly CaughtUp[] = [];

/** Whether it is a room that clients name, rather than that of a user. */
function isOfClients(name: string): boolean {
  return name.startsWith('r:');
}
