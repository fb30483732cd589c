import { type Joined, type JoinRequest, type Position, writeMark } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Store } from '@gopush/store';
import type { Socket } from 'socket.io';
import type { ServerClient } from './hook/server-hook.ts';
import type { Attendance } from './presence/attendance.ts';
import type { Feeds } from './rooms/feeds.ts';
import { decodeMessage } from './rooms/kept-message.ts';
import { roomOfClients, roomOfUser } from './rooms/room-names.ts';
import { InboxPump } from './users/inbox-pump.ts';

/** What the sessions of this node share. */
export interface SessionContext {
  readonly feeds: Feeds;
  readonly attendance: Attendance;
  readonly store: Store;
  readonly log: Logger;
  /** By the ids of their sockets. */
  readonly all: Map<string, Session>;
}

/** Where a session stood in its rooms; `null` where a room keeps nothing. */
export type Positions = ReadonlyMap<string, Position | null>;

/** One client's life on a push-server: who it is, the rooms it is in, what it is given from its inbox. */
export class Session {
  readonly socket: Socket;
  readonly client: ServerClient;
  readonly inbox: InboxPump;
  readonly #context: SessionContext;
  /** Full names of the rooms it is in, its user's included. */
  readonly #rooms = new Set<string>();

  /** @param inboxAfter - what it has got from its inbox in an earlier part of its session */
  constructor(socket: Socket, client: ServerClient, context: SessionContext, inboxAfter = 0) {
    this.socket = socket;
    this.client = client;
    this.#context = context;
    this.inbox = new InboxPump(socket, client.uid, context.store.inbox, context.log, inboxAfter);
  }

  /** Plain names of the rooms it is in. */
  get rooms(): string[] {
    return [...this.#rooms].filter((room) => room.startsWith('r:')).map((room) => room.slice(2));
  }

  /** Where it stands in each of its rooms. */
  get positions(): Positions {
    return new Map([...this.#rooms].map((room) => [room, this.#context.feeds.position(room)]));
  }

  /** Makes it known, so that what is said to its user reaches this node. A store that is away does not keep anyone out. */
  async prepare(): Promise<void> {
    const { id } = this.socket;
    const { uid } = this.client;
    await Promise.all([this.#context.attendance.entered(id, uid), this.#context.feeds.open(roomOfUser(uid), id)]);
  }

  /** Begins: its user's room, then what waits for it. */
  async begin(): Promise<void> {
    await this.#enter(roomOfUser(this.client.uid), undefined);
    this.inbox.wake();
  }

  /** Goes on where it was: its rooms from their positions on. Resolves when it has all that came since. */
  async resume(positions: Positions): Promise<boolean> {
    const { attendance } = this.#context;
    const entered = await Promise.all(
      [...positions].map(async ([room, from]) => {
        const { recovered } = await this.#enter(room, from ?? undefined);
        if (room.startsWith('r:') && this.#rooms.has(room)) attendance.joined(this.socket.id, this.client.uid, room);
        return recovered !== false;
      }),
    );
    this.inbox.wake();
    return entered.every(Boolean);
  }

  async join({ room, from }: JoinRequest): Promise<Joined> {
    const name = roomOfClients(room);
    const { position, recovered } = await this.#enter(name, from);
    // Someone may have taken it out of the room meanwhile.
    if (this.#rooms.has(name)) this.#context.attendance.joined(this.socket.id, this.client.uid, name);
    return { room, position, ...(recovered === undefined ? {} : { recovered }) };
  }

  leave(room: string): void {
    const name = roomOfClients(room);
    if (!this.#rooms.delete(name)) return;
    void this.socket.leave(name);
    this.#context.feeds.leave(name, this.socket.id);
    this.#context.attendance.left(this.socket.id, name);
  }

  isIn(room: string): boolean {
    return this.#rooms.has(roomOfClients(room));
  }

  /** Its connection is over; what it stood at is given back for whoever goes on with the session. */
  end(how: 'gone' | 'moved'): Positions {
    const { feeds, attendance } = this.#context;
    const { positions } = this;
    const { id } = this.socket;
    for (const room of this.#rooms) feeds.leave(room, id);
    feeds.leave(roomOfUser(this.client.uid), id);
    if (how === 'gone') {
      attendance.gone(
        id,
        [...this.#rooms].filter((room) => room.startsWith('r:')),
      );
    } else attendance.moved(id);
    this.#rooms.clear();
    return positions;
  }

  async #enter(room: string, from: Position | undefined): ReturnType<Feeds['join']> {
    const { socket } = this;
    this.#rooms.add(room);
    return this.#context.feeds.join(room, socket.id, from, (missed, position) => {
      for (const { offset, payload } of missed) {
        const { event, message, except } = decodeMessage(payload);
        if (except !== socket.id) socket.emit(event, message, writeMark({ epoch: position?.epoch ?? '', offset }));
      }
      void socket.join(room);
    });
  }
}
