import { type Position, readPosition } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HistoryStore, SessionStore } from '@gopush/store';
import type { Namespace, Server, Socket } from 'socket.io';
import type { EmittedEvents, NotWhole } from '../emitted-events/emitted-events.ts';
import { placeAmongDeliveries } from '../emitted-events/emitted-record.ts';
import { keepEmitted } from '../emitted-events/keep-emitted.ts';
import { type Missed, missedByLost, missedByStranded, missedInMigration } from '../emitted-events/missed-events.ts';
import type { RecentChanges } from '../session/recent-changes.ts';
import type { Restored } from '../session/restored.ts';
import { keyOfPid, keyOfToken, readPointer } from '../stored-session/session-pointers.ts';
import { decodeSession, encodeSession, type SessionRecord } from '../stored-session/session-record.ts';
import { hadOnReturn } from './had-on-return.ts';
import { locate } from './locate.ts';
import { rewind } from './rewind.ts';

/** Lets clients go on with their sessions, on this node or another. */
export interface Recovery {
  /** Keeps a session whose connection was lost. Resolves when that is done, or cannot be. */
  persist(record: SessionRecord): Promise<void>;
  /** A session that is being resumed: its sockets are about to ask for what was theirs. */
  expect(record: SessionRecord, given: readonly Position[]): void;
  /** What a socket that says it has recovered goes on with, once. */
  take(socket: Socket): Restored | undefined;
  readonly counts: RecoveryCounts;
}

/** What became of clients that came back for their sessions. */
export interface RecoveryCounts {
  hits: number;
  /** Nobody has the session. */
  misses: number;
  /** It would have missed something, by why. */
  readonly notWhole: Record<NotWhole, number>;
}

/** What recovery needs. */
export interface RecoveryOptions {
  readonly io: Server;
  readonly store: SessionStore;
  readonly history: HistoryStore;
  /** What programs have sent. */
  readonly emittedEvents: EmittedEvents;
  /** Whether rooms have a history, from which a client gets what it missed there. */
  readonly keepsRooms: boolean;
  readonly changes: RecentChanges;
  /** How long a session is kept, in milliseconds. */
  readonly keepMs: number;
  /** The mark of what this node gives next; `undefined`: clients cannot come back to their sessions. */
  readonly mark: (() => string) | undefined;
  /** Tells all nodes that clients are back whose sessions were not found: who thinks that one is connected still has to let it go. */
  readonly tellBack: (pids: readonly string[]) => void;
  readonly log: Logger;
}

/** The private ids that Socket.IO gives. What is none is looked for nowhere. */
const pidForm = /^[\w-]{20}$/;

/** A client may come back before its old node has noticed that it is gone, and has written down what it left behind: it is looked for so often, with this time between, in milliseconds. */
const looks = { times: 4, everyMs: 100 };

/** So often where its node is known, and may be about to write it down: what it writes then says exactly where the client stands. */
const looksWithPointer = 10;

/** For how long clients that are back are gathered before other nodes are told of them, in milliseconds. */
const gatherMs = 20;

/**
 * Puts our store behind Socket.IO's connection state recovery (https://socket.io/docs/v4/connection-state-recovery), for all namespaces.
 * What a client missed comes from the logs of its rooms, so that a recovery costs what was missed and no more.
 */
export function createRecovery({
  io,
  store,
  history,
  emittedEvents,
  keepsRooms,
  changes,
  keepMs,
  mark,
  tellBack,
  log,
}: RecoveryOptions): Recovery {
  const restored = new Map<string, Restored>();
  const expected = new Map<string, Restored>();
  /** What clients are given as soon as they are connected, by the ids of their sockets. */
  const dues = new Map<string, { readonly rooms: ReadonlySet<string>; readonly missed: Missed }>();
  const notWhole = { forgotten: 0, 'too much': 0, 'not heard': 0, 'unknown place': 0 };
  const counts: RecoveryCounts = { hits: 0, misses: 0, notWhole };

  async function restore(pid: string, offset: string): Promise<object | undefined> {
    if (!pidForm.test(pid)) {
      counts.misses++;
      return undefined;
    }
    const waiting = expected.get(pid);
    expected.delete(pid);
    const found = waiting ?? (await look(pid, offset));
    // Whom a program disconnected meanwhile begins anew.
    if (found === undefined || changes.since(found.uid, found.at).ended) {
      counts.misses++;
      return undefined;
    }
    const { record, missed } = found;
    const rooms = new Set([record.id, ...record.rooms, ...found.positions.keys()]);
    const why = found.moved ? undefined : whyNotWhole(found, rooms);
    if (why !== undefined) {
      notWhole[why]++;
      log.debug(
        { socket: record.id, why },
        'a client that reconnected missed events that are no longer kept, and gets a new session',
      );
      return undefined;
    }
    counts.hits++;
    restored.set(record.id, found);
    if (missed !== undefined) dues.set(record.id, { rooms, missed });
    // Whoever vanishes in between must not be remembered for ever.
    setTimeout(() => {
      restored.delete(record.id);
      dues.delete(record.id);
    }, 30_000).unref();
    return { sid: record.id, pid, rooms: record.rooms, data: record.data, missedPackets: [] };
  }

  /** Why a client that comes back would miss something: it is told that it begins anew, and asks for all by itself. */
  function whyNotWhole({ record, missed }: Restored, rooms: ReadonlySet<string>): NotWhole | undefined {
    if (!keepsRooms) return 'forgotten';
    return missed === undefined ? 'unknown place' : emittedEvents.whyNotWhole(record.namespace, rooms, missed);
  }

  function save(key: string, bytes: Buffer): Promise<void> {
    return store.save(key, bytes, keepMs).catch((error: unknown) => {
      log.warn({ err: error }, 'a session could not be stored: its client gets a new one');
    });
  }

  /** Many may come back at once, as after the loss of an agent: that is one message. */
  let back: string[] = [];
  function gather(pid: string): void {
    if (back.push(pid) > 1) return;
    setTimeout(() => {
      tellBack(back);
      back = [];
    }, gatherMs).unref();
  }

  async function look(pid: string, offset: string): Promise<Restored | undefined> {
    const key = keyOfPid(pid);
    let token: string | undefined;
    for (let times = 0; times < (token === undefined ? looks.times : looksWithPointer); times++) {
      if (times > 0) await new Promise((resolve) => setTimeout(resolve, looks.everyMs));
      const found = await takeKept(key);
      if (Buffer.isBuffer(found)) return readLost(key, found, offset);
      // With a pointer its node lives, and is about to write the session down; or it has died.
      token = found;
      if (times === 0) gather(pid);
    }
    return token === undefined ? undefined : lookForStranded(pid, token, offset);
  }

  /** A session that was kept for its client, of which of several that ask at once one gets it; or the token that leads to one. */
  async function takeKept(key: string): Promise<Buffer | string | undefined> {
    const found = await store.read(key);
    return found && (readPointer(found) ?? store.take(key));
  }

  /** A session that its node has written down when it lost the connection. */
  function readLost(key: string, bytes: Buffer, offset: string): Restored | undefined {
    const session = decodeSession(bytes);
    const record = session?.sockets[0];
    if (session === undefined || record === undefined) return undefined;
    const { uid, node, at = 0, tail, tailAfter = 0 } = session;
    const last = readPosition(offset);
    const stands = placeAmongDeliveries({ emitted: record.emitted, tail, tailAfter, node }, last);
    const positions = rewind({ positions: record.positions, tail, tailAfter, node }, stands);
    const had = hadOnReturn(session, record, stands);
    return (
      positions && {
        uid,
        node,
        at,
        record: { ...record, had },
        positions,
        given: [],
        missed: missedByLost(session, record, last),
        moved: false,
        giveBack: () => void save(key, bytes),
      }
    );
  }

  /** A session whose node has died, and whose agent does not ask for it either. */
  async function lookForStranded(pid: string, token: string, offset: string): Promise<Restored | undefined> {
    const bytes = await store.take(keyOfToken(token));
    const session = bytes === undefined ? undefined : decodeSession(bytes);
    const record = session?.sockets.find((socket) => socket.pid === pid);
    if (bytes === undefined || session === undefined || record === undefined) return undefined;
    const { uid, node, at = 0 } = session;
    const last = readPosition(offset);
    const positions = await locate(session, record, last, history);
    const had = hadOnReturn(session, record, last);
    const giveBack = (): void => void save(keyOfToken(token), bytes);
    const missed = missedByStranded(session, record, last);
    return { uid, node, at, record: { ...record, had }, positions, given: [], missed, moved: false, giveBack };
  }

  function install(namespace: Namespace): void {
    // Kept when its session ends, with what only that knows.
    Object.assign(namespace.adapter, { persistSession() {}, restoreSession: restore });
    keepEmitted(namespace, emittedEvents, mark);
    namespace.on('connection', (socket) => {
      const due = dues.get(socket.id);
      dues.delete(socket.id);
      if (due !== undefined) emittedEvents.give(socket, due.rooms, due.missed);
    });
  }
  install(io.of('/'));
  io.on('new_namespace', install);

  return {
    counts,
    async persist(record) {
      const pid = record.sockets[0]?.pid;
      if (pid !== undefined) await save(keyOfPid(pid), encodeSession(record));
    },
    expect(session, given) {
      for (const record of session.sockets) {
        const { uid, node, at = 0 } = session;
        expected.set(record.pid, {
          uid,
          node,
          at,
          record,
          positions: new Map(record.positions),
          given,
          missed: missedInMigration(session, record, given),
          moved: true,
          giveBack() {},
        });
        setTimeout(() => expected.delete(record.pid), 30_000).unref();
      }
    },
    take(socket) {
      const found = restored.get(socket.id);
      restored.delete(socket.id);
      return found;
    },
  };
}
