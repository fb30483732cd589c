import { type Failure, parseEvent } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { insideOfSocket } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { Rules } from '../hook/rules.ts';
import type { Limits } from '../limits/limits.ts';
import { type Session, sessionOf } from '../session/session.ts';
import { type AckFunction, ackOf, refuse } from './ack.ts';

/** What serving messages needs. */
export interface MessagesContext {
  /** The decisions of the server hook. */
  readonly rules: Rules;
  readonly limits: Limits;
  readonly log: Logger;
}

/** Serves the events of clients that are neither requests of rooms nor handled by the program. */
export interface Messages {
  listen(socket: Socket): void;
}

/** Most events of one client that the hook handles at a time. */
const maxOpen = 1_000;

/** Opens the messages: events that neither gopush nor a handler of the program knows go to `onMessage` of the server hook. */
export function createMessages(context: MessagesContext): Messages {
  const { rules } = context;
  // The same for all sockets: a middleware is not told which socket it serves, so each would need one of its own.
  function dispatch(this: Socket, event: unknown[]): void {
    insideOfSocket(Object.getPrototypeOf(this)).dispatch.call(this, event);
    const session = sessionOf(this);
    if (session === undefined) return;
    if (rules.has('onMessage')) askHook(session, event, context);
    else refuseUnknown(session, event, context);
  }
  return {
    listen(socket) {
      Object.assign(socket, { dispatch });
    },
  };
}

function askHook(session: Session, [event, ...args]: unknown[], context: MessagesContext): void {
  if (session.socket.listenerCount(event as string) > 0) return;
  const ack = ackOf(args);
  const name = parseEvent(event);
  if (!name.ok) {
    refuseAs(ack, name.failure, context);
    return;
  }
  if (session.asked >= maxOpen) {
    refuseAs(ack, { code: 'too_many_requests' }, context);
    return;
  }
  session.asked++;
  const data = args[0] === ack ? undefined : args[0];
  context.rules
    .respond(session.client, name.value, data)
    .then((result) => {
      session.asked--;
      if (!result.ok) refuseAs(ack, result.failure, context);
      else ack?.(result.value);
    })
    // It cannot be sent: a BigInt, an object that contains itself, …
    .catch((cause: unknown) => {
      refuseAs(ack, { code: 'server_hook_bad_value', detail: `onMessage of ${name.value}`, cause }, context);
    })
    .catch((err: unknown) => context.log.error({ err }, 'the response to a client could not be sent'));
}

/** Refuses an event that nothing here handles, so that the client does not wait for its ack for ever. */
function refuseUnknown({ socket }: Session, [event, ...args]: unknown[], context: MessagesContext): void {
  const ack = ackOf(args);
  if (ack === undefined || socket.listenerCount(event as string) > 0 || programHearsAll(socket)) return;
  refuseAs(ack, { code: 'event_unknown' }, context);
}

/** Whether the program looks at all events of a socket, by `onAny` or a middleware of its own: it may respond to any of them. */
function programHearsAll(socket: Socket): boolean {
  const { fns } = insideOfSocket(socket);
  return socket.listenersAny().length > 0 || fns.length > 0;
}

function refuseAs(ack: AckFunction | undefined, failure: Failure, { limits, log }: MessagesContext): void {
  limits.refused(failure.code);
  refuse(ack, failure, log);
}
