import { type Logger, withoutMachine } from '@gopush/service';
import type { Server, Socket } from 'socket.io';
import { logFailure } from '../hook/log-failure.ts';
import { isMigrated } from '../migration/client/is-migrated.ts';
import { roomOfProduct } from '../rooms/names/room-names.ts';
import { type Session, sessionOf } from '../session/session.ts';
import { type AdmitContext, admit, errorOf } from './admit.ts';
import { type CloseContext, createCloseListeners } from './close.ts';
import { greet } from './greet.ts';
import { createMessages } from './messages.ts';
import { Requests, type RequestsContext } from './requests.ts';

/** What serving connections needs. */
export interface ConnectionContext extends AdmitContext, Pick<RequestsContext, 'publish' | 'presenceIn'>, CloseContext {
  /** Name of this push-server. */
  readonly node: string;
  /** Whether products have rooms and users of their own: `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  readonly log: Logger;
}

/**
 * Serves the connections of a Socket.IO server. This is the whole life of one: it is admitted, greeted, sends requests of rooms and other messages,
 * begins to receive (its rooms, what it missed in them, its inbox), and closes.
 */
export function serveConnections(io: Server, context: ConnectionContext): void {
  const { node, isolateProducts, sessions, limits, log } = context;
  const server = withoutMachine(node);
  const requests = new Requests({ ...context, senders: sessions.senders });
  const messages = createMessages(context);
  const close = createCloseListeners(context);

  io.use((socket, next) => {
    admit(socket, next, context).catch((error: unknown) => {
      log.error({ err: error }, 'a client could not be admitted');
      limits.starts.refused(socket);
      next(errorOf({ code: 'internal' }));
    });
  });

  io.on('connection', (socket) => {
    const session = sessionOf(socket);
    if (session === undefined) return;
    limits.watch(socket);
    if (isolateProducts) void socket.join(roomOfProduct(session.client.product));
    if (!socket.recovered) greet(socket, session.client, server);
    requests.listen(socket);
    messages.listen(socket);
    begin(socket, session, context);
    socket.on('disconnecting', close.disconnecting).on('disconnect', close.disconnect);
  });
}

/** Begins a session: the client enters the room of its user and gets its inbox, or, recovered, its rooms again and what it missed there. */
function begin(socket: Socket, session: Session, context: ConnectionContext): void {
  const { limits, rules, keep, log } = context;
  session
    .begin()
    .then(() => {
      limits.starts.begun(socket);
      if (isMigrated(socket) && !session.hasMigrated && rules.has('onMigrated')) keep(tellMigrated(session, context));
    })
    .catch((error: unknown) => {
      limits.starts.refused(socket);
      log.error({ err: error }, 'a session could not start: its client has to reconnect');
      // A client that stayed connected would assume that it is in its rooms, and receive nothing.
      socket.conn.close();
    });
}

async function tellMigrated({ client }: Session, { rules, log }: ConnectionContext): Promise<void> {
  const result = await rules.migrated(client);
  if (!result.ok) logFailure(result.failure, log);
}
