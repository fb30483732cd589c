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

/** Serves the requests of clients: to join rooms, to publish to them, to leave them, and to see who is in them. */
export interface Requests {
  listen(socket: Socket): void;
}

type Listener = (this: Socket, ...args: unknown[]) => void;

/** Serves one kind of request. */
type Serve<T> = (session: Session, request: T, context: RequestsContext) => Promise<Served>;

/** Opens the requests. All sockets share the same listeners. */
export function createRequests(context: RequestsContext): Requests {
  const listeners: Readonly<Record<string, Listener>> = {
    [events.room](...args) {
      handle(this, args, parseRoomMessage(args[0]), joinAndPublish, context);
    },
    [events.marks](...args) {
      sessionOf(this)?.askForMarks();
      ackOf(args)?.({ ok: true });
    },
    [events.join](...args) {
      handle(this, args, parseJoins(args[0]), join, context);
    },
    [events.leave](...args) {
      handle(this, args, parseRooms(args[0]), leave, context);
    },
    [events.publish](...args) {
      handle(this, args, parsePublish(args[0]), publish, context);
    },
    [events.presence](...args) {
      handle(this, args, parsePresence(args[0]), presenceOf, context);
    },
  };
  return {
    listen(socket) {
      for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    },
  };
}

/** Serves a request after those that the same client sent before, and sends the client's ack the response. */
function handle<T>(
  socket: Socket,
  args: unknown[],
  parsed: Result<T>,
  serve: Serve<T>,
  context: RequestsContext,
): void {
  const session = sessionOf(socket);
  if (session === undefined) return;
  const ack = ackOf(args);
  if (!parsed.ok) {
    refuseAs(ack, parsed.failure, context);
    return;
  }
  const respond = (result: Result<object>): void => {
    if (result.ok) ack?.({ ...result.value, ok: true });
    else refuseAs(ack, result.failure, context);
  };
  const fail = (cause: unknown): void => refuseAs(ack, { code: 'internal', cause }, context);
  // Requests of a client begin in the order in which it sent them; one that waits for the store may end after the next.
  const task = (): Promise<void> =>
    // A restored session is in its rooms only when it has been given everything that it missed.
    session.begun
      .then(() => serve(session, parsed.value, context))
      .then((served) => void served.response.then(respond, fail), fail);
  if (!session.requests.add(task)) refuseAs(ack, { code: 'too_many_requests' }, context);
}

function refuseAs(ack: AckFunction | undefined, failure: Failure, { limits, log }: RequestsContext): void {
  limits.refused(failure.code);
  refuse(ack, failure, log);
}
