import {
  events,
  type Failure,
  parseJoins,
  parsePresence,
  parsePublish,
  parseRoomMessage,
  parseRooms,
  type Result,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { Limits } from '../limits/limits.ts';
import { type Session, sessionOf } from '../session/session.ts';
import { type AckFunction, ackOf, refuse } from './ack.ts';
import {
  join,
  joinAndPublish,
  leave,
  presenceOf,
  publish,
  type RoomRequestsContext,
  type Served,
} from './room-requests.ts';

/** What serving requests needs. */
export interface RequestsContext extends RoomRequestsContext {
  readonly limits: Limits;
  readonly log: Logger;
}

type Listener = (this: Socket, ...args: unknown[]) => void;

/** Serves one kind of request. */
type Serve<T> = (session: Session, request: T, context: RequestsContext) => Promise<Served>;

/** Serves the requests of clients: to join rooms, to publish to them, to leave them, and to see who is in them. */
export class Requests {
  readonly #context: RequestsContext;
  /** The same for all sockets. */
  readonly #listeners: Readonly<Record<string, Listener>>;

  constructor(context: RequestsContext) {
    this.#context = context;
    const requests = this;
    this.#listeners = {
      [events.room](...args) {
        requests.#handle(this, args, parseRoomMessage(args[0]), joinAndPublish);
      },
      [events.marks](...args) {
        const respond = (): void => ackOf(args)?.({ ok: true });
        void sessionOf(this)?.askForMarks().then(respond, respond);
      },
      [events.join](...args) {
        requests.#handle(this, args, parseJoins(args[0]), join);
      },
      [events.leave](...args) {
        requests.#handle(this, args, parseRooms(args[0]), leave);
      },
      [events.publish](...args) {
        requests.#handle(this, args, parsePublish(args[0]), publish);
      },
      [events.presence](...args) {
        requests.#handle(this, args, parsePresence(args[0]), presenceOf);
      },
    };
  }

  /** Listens to the requests of a socket. */
  listen(socket: Socket): void {
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener);
  }

  /** Serves a request after those that the same client sent before, and sends the client's ack the response. */
  #handle<T>(socket: Socket, args: unknown[], parsed: Result<T>, serve: Serve<T>): void {
    const session = sessionOf(socket);
    if (session === undefined) return;
    const ack = ackOf(args);
    if (!parsed.ok) {
      this.#refuse(ack, parsed.failure);
      return;
    }
    const respond = (result: Result<object>): void => {
      if (result.ok) ack?.({ ...result.value, ok: true });
      else this.#refuse(ack, result.failure);
    };
    const fail = (cause: unknown): void => this.#refuse(ack, { code: 'internal', cause });
    // Requests of a client begin in the order in which it sent them; one that waits for the store may end after the next.
    const task = (): Promise<void> =>
      // A restored session is in its rooms only when it has been given everything that it missed.
      session.begun
        .then(() => serve(session, parsed.value, this.#context))
        .then((served) => void served.response.then(respond, fail), fail);
    if (!session.requests.add(task)) this.#refuse(ack, { code: 'too_many_requests' });
  }

  #refuse(ack: AckFunction | undefined, failure: Failure): void {
    const { limits, log } = this.#context;
    limits.refused(failure.code);
    refuse(ack, failure, log);
  }
}
