import type { Config, FailureCode } from '@gopush/contract';
import { AdmissionWindow, type Logger } from '@gopush/service';
import { connectionOf, engineOf, sendQueueOf, watchQueues } from '@gopush/slim-socket-io';
import type { PresenceStore } from '@gopush/store';
import type { Server, Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import { slowClients } from '../rooms/names/room-names.ts';
import { type CloseCause, Closer } from './closer.ts';
import { Places } from './connections-per-user.ts';
import type { Guard } from './guard-received-packets.ts';
import { SessionStarts } from './session-starts.ts';
import { Tally } from './tally.ts';

/** What limits need. */
export interface LimitsOptions {
  readonly io: Server;
  readonly guard: Guard;
  readonly config: Config['pushServer']['limits'];
  readonly presence: PresenceStore;
  readonly addressOf: AddressOf;
  readonly log: Logger;
}

/** Where a connection keeps its admitted socket: a `WeakMap` with all of them would take time of garbage collections. */
const ofConnection = Symbol('admitted socket');
interface Slot {
  [ofConnection]?: Socket;
}

/** Sessions that may start at a time before it is known how long that takes. */
const firstStarts = 128;

/** The limits of clients of a push-server: how many connect, what they send, and how much waits for them. */
export class Limits {
  /** Most rooms of one socket. */
  readonly roomsPerSocket: number;
  readonly tally = new Tally();
  readonly starts: SessionStarts;
  readonly #io: Server;
  readonly #log: Logger;
  readonly #closer: Closer;
  readonly #places: Places;
  #deliveries = 0;

  constructor({ io, guard, config, presence, addressOf, log }: LimitsOptions) {
    this.roomsPerSocket = config.roomsPerSocket;
    this.#io = io;
    this.#log = log;
    this.#closer = new Closer((cause) => this.#countClosed(cause));
    const onRefused = (code: FailureCode): void => this.refused(code);
    guard.events = {
      onRefused,
      onBroken: (connection, code) => this.#closer.cut(connection, code),
      onPersistent: (socket) => this.#closer.dismiss(socket, 'too_many_requests', false),
    };
    const { connections: most, beginDelayMs: toleranceMs, connectionsPerUid, whenFull } = config;
    this.starts = new SessionStarts(io, {
      window: toleranceMs > 0 ? new AdmissionWindow({ start: firstStarts, toleranceMs }) : undefined,
      isFull: () => most > 0 && io.engine.clientsCount >= most,
      addressOf,
      onRefused,
    });
    const replace = (socket: Socket): void => this.#closer.dismiss(socket, 'replaced', true);
    this.#places = new Places({ io, presence, most: connectionsPerUid, whenFull, replace });
    this.#watchQueues(config.sendQueueBytes);
  }

  /** Takes a place for a connection of a user. @returns `false` if the user has no place left */
  take(socket: Socket, user: string): Promise<boolean> {
    return this.#places.take(socket, user);
  }

  /** Begins to watch an admitted client, before anything else listens to it. */
  watch(socket: Socket): void {
    (socket.conn as Slot)[ofConnection] = socket;
    if (sendQueueOf(connectionOf(socket))?.isSlow === true) markSlow(socket, true);
  }

  /** Counts a refusal. */
  refused(code: FailureCode): void {
    this.tally.countRefused(code);
  }

  /** Bytes that wait for all clients. */
  queuedBytes(): number {
    const { clients } = engineOf(this.#io);
    return Object.values(clients).reduce((sum, connection) => sum + (sendQueueOf(connection)?.bytes ?? 0), 0);
  }

  /** Messages that were delivered to connections. */
  deliveries(): number {
    return this.#deliveries;
  }

  close(): void {
    this.#closer.close();
  }

  #watchQueues(limit: number): void {
    watchQueues(this.#io, {
      limit,
      onMessage: () => void this.#deliveries++,
      onSlow: (connection, isSlow) => markSlow((connection as Slot)[ofConnection], isSlow),
      onFull: (connection) => this.#closer.cut(connection, 'send_queue_full'),
      onFlood: (connection) => this.#closer.cut(connection, 'too_many_requests'),
    });
  }

  #countClosed(cause: CloseCause): void {
    this.tally.countClosed(cause);
    // What a client can cause at will, as often as it connects, must not fill the log.
    const isAtWill = cause === 'request_malformed' || cause === 'payload_invalid';
    (isAtWill ? this.#log.debug : this.#log.info)({ code: cause }, 'a client was disconnected');
  }
}

/** Slow clients are in a room of their own, which volatile messages leave out. */
function markSlow(socket: Socket | undefined, isSlow: boolean): void {
  if (isSlow) void socket?.join(slowClients);
  else void socket?.leave(slowClients);
}
