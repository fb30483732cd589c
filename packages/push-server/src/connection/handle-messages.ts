import { type Failure, parseEvent } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { insideOfSocket } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { Rules } from '../hook/rules.ts';
import type { Limits } from '../limits/limits.ts';
import type { Session } from '../session/session.ts';
import { type AckFunction, ackOf, refuse as refuseWith } from './refuse.ts';

/** Whether the program looks at all events of a socket, by `onAny` or a middleware of its own: it may answer whatever it likes. */
function hearsAll(socket: Socket): boolean {
  const { fns } = insideOfSocket(socket);
  return socket.listenersAny().length > 0 || fns.length > ownMiddlewares;
}

/** How many middlewares of ours look at the events of a socket. */
const ownMiddlewares = 1;

/** Events of one client that the hook may have in hand at a time. */
const maxOpen = 1_000;

/**
 * Events that neither gopush nor a handler of the project knows go to `onMessage` of the server hook.
 *
 * @returns listens to the socket of a session
 */
export function handleMessages(rules: Rules, limits: Limits, log: Logger): (session: Session) => void {
  const refuse = (ack: AckFunction | undefined, failure: Failure): void => {
    limits.refused(failure.code);
    refuseWith(ack, failure, log);
  };

  function ask(session: Session, [event, ...args]: unknown[]): void {
    if (session.socket.listenerCount(event as string) > 0) return;
    const ack = ackOf(args);
    const name = parseEvent(event);
    if (!name.ok) {
      refuse(ack, name.failure);
      return;
    }
    if (session.asked >= maxOpen) {
      refuse(ack, { code: 'too_many_requests' });
      return;
    }
    session.asked++;
    const data = args[0] === ack ? undefined : args[0];
    rules
      .answer(session.client, name.value, data)
      .then((result) => {
        session.asked--;
        if (!result.ok) refuse(ack, result.failure);
        else ack?.(result.value);
      })
      // It cannot be sent: a BigInt, an object that holds itself, …
      .catch((cause: unknown) => {
        refuse(ack, { code: 'server_hook_bad_value', detail: `onMessage of ${name.value}`, cause });
      })
      .catch((err: unknown) => log.error({ err }, 'the response to a client could not be sent'));
  }

  /** Without anybody who could know the event its client would wait for an answer without end. */
  function answerUnknown({ socket }: Session, [event, ...args]: unknown[]): void {
    const ack = ackOf(args);
    if (ack === undefined || socket.listenerCount(event as string) > 0 || hearsAll(socket)) return;
    refuse(ack, { code: 'event_unknown' });
  }

  return (session) => {
    session.socket.use((packet, next) => {
      next();
      if (rules.has('onMessage')) ask(session, packet);
      else answerUnknown(session, packet);
    });
  };
}
