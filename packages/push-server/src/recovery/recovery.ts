import type { IncomingMessage } from 'node:http';
import type { Position } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HistoryStore, SessionStore } from '@gopush/store';
import type { Namespace, Server, Socket } from 'socket.io';
import type { EmittedEvents, NotWhole } from '../emitted-events/emitted-events.ts';
import { keepEmitted } from '../emitted-events/keep-emitted.ts';
import type { Missed } from '../emitted-events/missed-events.ts';
import type { RecentChanges } from '../session/recent-changes.ts';
import type { Restored } from '../session/restored.ts';
import { keyOfPid } from '../stored-session/session-pointers.ts';
import { encodeSession, type SessionRecord } from '../stored-session/session-record.ts';
import { FewAtATime } from '../tasks/few-at-a-time.ts';
import { connectingRequest } from './connecting-request.ts';
import { type FindContext, findSession } from './find-session.ts';
import { OnceMap } from './once-map.ts';
import { restoreTaken } from './restore-session.ts';
import { ReturnedClients } from './returned-clients.ts';

/** Counts of clients that asked for their sessions, by outcome. */
export interface RecoveryCounts {
  hits: number;
  /** No session was found. */
  misses: number;
  /** The client would have missed something, by the reason why. */
  readonly notWhole: Record<NotWhole, number>;
}

/** What recovery needs. */
export interface RecoveryOptions {
  readonly io: Server;
  readonly store: SessionStore;
  readonly history: HistoryStore;
  /** The events that programs have emitted. */
  readonly emittedEvents: EmittedEvents;
  /** Whether rooms have a history, from which a client gets the messages that it missed there. */
  readonly keepsRooms: boolean;
  readonly changes: RecentChanges;
  /** How long a session is kept, in milliseconds. */
  readonly keepMs: number;
  /** The position of the next delivery of this node; `undefined`: clients cannot come back to their sessions. */
  readonly position: (() => string) | undefined;
  /** Tells all nodes which clients have returned without a stored session: a node that still counts one as connected has to end that connection. */
  readonly tellBack: (pids: readonly string[]) => void;
  /** The session of a socket continues on another connection of this node: the connection of this one is closed. */
  readonly replace: (socket: Socket) => void;
  /** The user of a client; `undefined`: it has no identity. */
  readonly userOf: (request: IncomingMessage) => string | undefined;
  readonly log: Logger;
}

/** The form of the private ids that Socket.IO gives. */
const pidForm = /^[\w-]{20}$/;

/** How many sessions are stored at their ends at a time, and how long one waits for others: thousands may end at once. */
const storing = { most: 256, waitMs: 10_000 } as const;

/** The rooms and the missed messages that a client is given as soon as it is connected. */
interface Due {
  readonly rooms: ReadonlySet<string>;
  readonly missed: Missed;
}

/**
 * Puts the store behind Socket.IO's connection state recovery (https://socket.io/docs/v4/connection-state-recovery),
 * for all namespaces, so that clients recover their sessions on this node or another. What a client missed comes from
 * the histories of its rooms, so a recovery costs no more than the missed messages.
 */
export class Recovery {
  readonly counts: RecoveryCounts = {
    hits: 0,
    misses: 0,
    notWhole: { forgotten: 0, 'too much': 0, 'not heard': 0, 'unknown place': 0 },
  };
  readonly #options: RecoveryOptions;
  readonly #finding: FindContext;
  readonly #storing = new FewAtATime(storing.most, storing.waitMs);
  /** Sessions that were taken and whose sockets are about to ask, by their private ids. */
  readonly #expected = new OnceMap<Restored>();
  /** What sockets get back, by their ids. */
  readonly #restored = new OnceMap<Restored>();
  readonly #dues = new OnceMap<Due>();

  constructor(options: RecoveryOptions) {
    const { io, store, history, keepMs, tellBack } = options;
    this.#options = options;
    const returned = new ReturnedClients(tellBack);
    this.#finding = {
      store,
      history,
      returned: (pid) => returned.add(pid),
      save: (key, bytes) => void this.#logged(this.#storing.run(() => store.save(key, bytes, keepMs))).catch(ignore),
    };
    this.#install(io.of('/'));
    io.on('new_namespace', (namespace) => this.#install(namespace));
  }

  /**
   * Stores a session whose connection was lost.
   *
   * @param held - the expected value in the store while the session runs here; `undefined`: any value
   * @returns whether it was still this node's: it may run elsewhere, or be stored at its end there, if this node was suspended for long
   * @throws StoreError if it could not be stored, which is logged
   */
  async persist(record: SessionRecord, held: Buffer | undefined): Promise<boolean> {
    const pid = record.sockets[0]?.pid;
    if (pid === undefined) return true;
    const [key, bytes] = [keyOfPid(pid), encodeSession(record)];
    const { store, keepMs } = this.#options;
    if (held !== undefined) return this.#logged(this.#storing.run(() => store.saveOver(key, bytes, keepMs, held)));
    await this.#logged(this.#storing.run(() => store.save(key, bytes, keepMs)));
    return true;
  }

  /**
   * A session was taken from another node: its sockets are about to ask for their parts of it.
   *
   * @param given - the last positions that its agent has seen go out to the client
   */
  expect(session: SessionRecord, given: readonly Position[]): void {
    for (const record of session.sockets) this.#expected.set(record.pid, restoreTaken(session, record, given));
  }

  /** The parts of a session that a recovered socket gets back, once. */
  take(socket: Socket): Restored | undefined {
    return this.#restored.take(socket.id);
  }

  #install(namespace: Namespace): void {
    const { emittedEvents, position } = this.#options;
    Object.assign(namespace.adapter, {
      // A session is stored when it ends, with the state that only it knows.
      persistSession() {},
      restoreSession: (pid: string, offset: string) => this.#restore(namespace, pid, offset),
    });
    keepEmitted(namespace, emittedEvents, position);
    namespace.on('connection', (socket) => {
      const due = this.#dues.take(socket.id);
      if (due !== undefined) emittedEvents.give(socket, due.rooms, due.missed);
    });
  }

  /** Restores the session of a client that asks for it, in the form that Socket.IO wants. */
  async #restore(namespace: Namespace, pid: string, offset: string): Promise<object | undefined> {
    // Before anything is awaited.
    const request = connectingRequest();
    const user = request && this.#options.userOf(request);
    const found = pidForm.test(pid)
      ? (this.#expected.take(pid) ?? (await findSession(pid, offset, this.#finding)))
      : undefined;
    // A client whose user a program disconnected meanwhile begins a new session.
    if (found === undefined || this.#options.changes.since(found.uid, found.at).ended) {
      this.counts.misses++;
      return undefined;
    }
    // So does a client that has signed in as another user: refused, it would not reconnect by itself.
    if (user !== undefined && user !== found.uid) {
      found.giveBack();
      this.counts.misses++;
      return undefined;
    }
    const { record, missed } = found;
    const rooms = new Set([record.id, ...record.rooms, ...found.positions.keys()]);
    const why = found.hasMigrated ? undefined : this.#whyNotWhole(found, rooms);
    if (why !== undefined) {
      this.#refuse(record.id, why);
      return undefined;
    }
    // It was elsewhere meanwhile, so this node was not asked to close the connection on which it had it before.
    const older = namespace.sockets.get(record.id);
    if (older !== undefined) this.#options.replace(older);
    this.counts.hits++;
    this.#restored.set(record.id, found);
    if (missed !== undefined) this.#dues.set(record.id, { rooms, missed });
    return { sid: record.id, pid, rooms: record.rooms, data: record.data, missedPackets: [] };
  }

  /** Why a client would miss something: it is notified that it begins a new session, and asks for everything itself. */
  #whyNotWhole({ record, missed }: Restored, rooms: ReadonlySet<string>): NotWhole | undefined {
    const { keepsRooms, emittedEvents } = this.#options;
    if (!keepsRooms) return 'forgotten';
    return missed === undefined ? 'unknown place' : emittedEvents.whyNotWhole(record.namespace, rooms, missed);
  }

  #refuse(socket: string, why: NotWhole): void {
    this.counts.notWhole[why]++;
    this.#options.log.debug(
      { socket, why },
      'a client that reconnected missed events that are no longer kept, and gets a new session',
    );
  }

  async #logged<T>(saving: Promise<T>): Promise<T> {
    try {
      return await saving;
    } catch (error) {
      this.#options.log.warn({ err: error }, 'a session could not be stored: its client may get a new one');
      throw error;
    }
  }
}

function ignore(): void {}
