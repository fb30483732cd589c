import type { Config, FailureCode } from '@gopush/contract';
import { AdmissionWindow, type Logger } from '@gopush/service';
import { connectionOf, engineOf, sendQueueOf, watchQueues } from '@gopush/slim-socket-io';
import type { PresenceStore } from '@gopush/store';
import type { Server, Socket } from 'socket.io';
import { slowClients } from '../rooms/names/room-names.ts';
import { type CloseCause, createCloser } from './close-connection.ts';
import type { Guard } from './guarded-client.ts';
import { createPlaces, type Places } from './places.ts';
import { type Beginnings, refuseNew } from './refuse-new.ts';
import { createTally, type Tally } from './tally.ts';

/** What a push-server takes from its clients and keeps for them. */
export interface Limits {
  readonly roomsPerSocket: number;
  readonly tally: Tally;
  /** Takes a place for a connection of a user. */
  readonly take: Places['take'];
  /** Begins to watch an admitted client, before anything else listens to it. */
  watch(socket: Socket): void;
  /** Sessions that begin. */
  readonly beginnings: Beginnings;
  /** Counts a refusal. */
  refused(code: FailureCode): void;
  /** Bytes that wait for all connections. */
  queuedBytes(): number;
  /** Messages that were handed to connections. */
  deliveries(): number;
  close(): void;
}

/** What limits need. */
export interface LimitsOptions {
  readonly io: Server;
  readonly guard: Guard;
  readonly config: Config['pushServer']['limits'];
  readonly presence: PresenceStore;
  readonly log: Logger;
}

/** Sessions that may begin at a time before anything is known of how long that takes. */
const firstBeginning = 128;

/** Opens the limits of a push-server. */
export function createLimits({ io, guard, config, presence, log }: LimitsOptions): Limits {
  const tally = createTally();
  const sockets = new WeakMap<object, Socket>();
  let deliveries = 0;
  const closer = createCloser((cause: CloseCause) => {
    tally.countClosed(cause);
    // What a client brings about at will, as often as it connects, must not fill the log.
    if (cause === 'request_malformed' || cause === 'payload_invalid')
      log.debug({ code: cause }, 'a client was disconnected');
    else log.info({ code: cause }, 'a client was disconnected');
  });
  guard.events = {
    onRefused: tally.countRefused,
    onBroken: closer.cut,
    onPersistent: (socket) => closer.dismiss(socket, 'too_many_requests', false),
  };
  const refused = tally.countRefused;
  const { connections: most, beginDelayMs: toleranceMs } = config;
  const beginnings = refuseNew(io, {
    window: toleranceMs > 0 ? new AdmissionWindow({ start: firstBeginning, toleranceMs }) : undefined,
    isFull: () => most > 0 && io.engine.clientsCount >= most,
    onRefused: refused,
  });
  const places = createPlaces({
    io,
    presence,
    most: config.connectionsPerUid,
    whenFull: config.whenFull,
    replace: (socket) => closer.dismiss(socket, 'replaced', true),
  });

  watchQueues(io, {
    limit: config.sendQueueBytes,
    onMessage: () => void deliveries++,
    onSlow: (connection, isSlow) => sort(sockets.get(connection), isSlow),
    onFull: (connection) => closer.cut(connection, 'send_queue_full'),
    onFlood: (connection) => closer.cut(connection, 'too_many_requests'),
  });
  const { clients } = engineOf(io);

  /** Those that are behind are in a room of their own, which volatile messages leave out. */
  function sort(socket: Socket | undefined, isSlow: boolean): void {
    if (isSlow) void socket?.join(slowClients);
    else void socket?.leave(slowClients);
  }

  return {
    roomsPerSocket: config.roomsPerSocket,
    tally,
    take: places.take,
    beginnings,
    refused,
    watch(socket) {
      sockets.set(socket.conn, socket);
      if (sendQueueOf(connectionOf(socket))?.isSlow === true) sort(socket, true);
    },
    queuedBytes: () =>
      Object.values(clients).reduce((sum, connection) => sum + (sendQueueOf(connection)?.bytes ?? 0), 0),
    deliveries: () => deliveries,
    close: closer.close,
  };
}
