import type { AboutMessage, events, Gap, Joined, Position, PresenceEvent } from '@gopush/contract';
import type { GopushError } from './error.ts';
import { OpenRoom, type RoomContext } from './open-room.ts';
import { readPosition } from './read-position.ts';
import type { Room } from './room.ts';
import type { Ask, OpenSocket } from './socket.ts';

/** How rooms behave. */
interface RoomsOptions {
  readonly ask: Ask;
  readonly retryMs: number;
  readonly onRoomLost: ((room: Room, error: GopushError) => void) | undefined;
}

/** The rooms of a client: enters them after each connect, and gives each message to its room. */
export class OpenRooms implements RoomContext {
  readonly ask: Ask;
  readonly retryMs: number;
  readonly #socket: OpenSocket;
  readonly #onRoomLost: RoomsOptions['onRoomLost'];
  readonly #rooms = new Map<string, OpenRoom>();
  /** The rooms by the epochs of their histories. */
  readonly #epochs = new Map<string, OpenRoom>();
  /** Messages that came before the response that tells which room their epoch is of. */
  readonly #early: [event: string, args: unknown[]][] = [];
  #entering = 0;
  /** Rooms that were left without a response. A session that is recovered is in them still. */
  readonly #unanswered = new Set<string>();

  constructor(socket: OpenSocket, { ask, retryMs, onRoomLost }: RoomsOptions) {
    this.#socket = socket;
    this.ask = ask;
    this.retryMs = retryMs;
    this.#onRoomLost = onRoomLost;
  }

  get isConnected(): boolean {
    return this.#socket.connected;
  }

  /** Opens a room, or finds the open one of this name. */
  join(name: string, from: Position | null): Room {
    const known = this.#rooms.get(name);
    if (known) return known;
    this.#unanswered.delete(name);
    const room = new OpenRoom(name, from, this);
    this.#rooms.set(name, room);
    if (this.isConnected) room.enter();
    return room;
  }

  /** Enters all rooms on a new connection. One that recovers the session is in its rooms already, and only tells so. */
  enterAll(): void {
    const unanswered = [...this.#unanswered];
    this.#unanswered.clear();
    if (this.#socket.recovered) for (const name of unanswered) this.leave(name).catch(() => {});
    for (const room of this.#rooms.values()) {
      if (this.#socket.recovered && room.isIn) room.tellJoined();
      else room.enter();
    }
  }

  leaveAll(): void {
    for (const room of this.#rooms.values()) room.leave().catch(() => {});
  }

  /** Takes any event of the socket. */
  receive(event: string, args: unknown[]): void {
    const [message] = args;
    if (event === ('go:gap' satisfies typeof events.gap)) this.#tell(message as Gap, 'gap');
    else if (event === ('go:epoch' satisfies typeof events.epoch)) this.#tell(message as Gap, 'begin');
    else if (event === ('go:presence' satisfies typeof events.presenceChange))
      this.#tellPresence(message as PresenceEvent);
    else if (args.length > 1) this.#give(event, args);
  }

  async enter(request: unknown): Promise<Joined> {
    this.#entering++;
    const event: typeof events.join = 'go:join';
    const response = this.ask<{ joined: readonly [Joined] }>(event, request);
    return (await response.finally(() => this.#entering--)).joined[0];
  }

  async leave(name: string): Promise<void> {
    this.#unanswered.add(name);
    if (!this.isConnected) return;
    const event: typeof events.leave = 'go:leave';
    await this.ask(event, name);
    this.#unanswered.delete(name);
  }

  onEntered(): void {
    for (const [event, args] of this.#early.splice(0)) this.receive(event, args);
  }

  claim(epoch: string, room: OpenRoom): void {
    this.#forgetEpochsOf(room);
    this.#epochs.set(epoch, room);
  }

  onEnd(room: OpenRoom, error: GopushError | undefined): void {
    if (this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
    this.#forgetEpochsOf(room);
    if (error) this.#onRoomLost?.(room, error);
  }

  #forgetEpochsOf(room: OpenRoom): void {
    for (const [epoch, owner] of this.#epochs) if (owner === room) this.#epochs.delete(epoch);
  }

  /**
   * Gives a message to its room, found by the epoch of its position, or by its name if the message is not kept. Such a message has no
   * position, or, if it has an idempotency key, one of its push-server.
   */
  #give(event: string, args: unknown[]): void {
    const [message] = args;
    const position = readPosition(args.at(-1));
    const about = args[1] as Partial<AboutMessage> | null;
    const [sender, id] = [about?.sender ?? null, about?.id];
    const named = this.#rooms.get(about?.room ?? '');
    const owner = position && this.#epochs.get(position.epoch);
    if (position && owner) owner.receive(event, message, position, sender, id);
    else if (position && this.#entering > 0 && !named?.isIn) this.#early.push([event, args]);
    else named?.receive(event, message, null, sender, id);
  }

  #tellPresence(event: PresenceEvent): void {
    this.#rooms.get(event.room)?.presence(event);
  }

  #tell({ room: name, position }: Gap, what: 'gap' | 'begin'): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    this.claim(position.epoch, room);
    room[what](position);
  }
}
