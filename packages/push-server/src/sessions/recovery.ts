import { type Position, readMark } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HistoryStore, SessionStore } from '@gopush/store';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import { Along, type PacketOptions } from '../emit/along.ts';
import { saidBy } from '../emit/saying.ts';
import { packetType } from '../socket-io-client.ts';
import type { RecentChanges } from '../users/recent-changes.ts';
import { hadOnReturn } from './had-on-return.ts';
import { locate } from './locate.ts';
import { keyOfPid, keyOfToken, readPointer } from './pointers.ts';
import { rewind } from './recent-deliveries.ts';
import { decodeSession, encodeSession, type SessionRecord, type SocketRecord } from './session-record.ts';

/** What a socket goes on with. */
export interface Restored {
  readonly uid: string;
  /** The node that had it. */
  readonly node: string;
  readonly record: SocketRecord;
  /** When it was written down, in milliseconds since 1970. */
  readonly at: number;
  readonly positions: ReadonlyMap<string, Position | null>;
  /** The last messages that went out to the client, one for each room, where its node cannot say it any more. */
  readonly given: readonly Position[];
  /** Whether the client's connection went on behind an agent, so that it was admitted before. */
  readonly moved: boolean;
  /** Keeps it once more, as it was: nobody goes on with it now. */
  giveBack(): void;
}

/** Lets clients go on with their sessions, on this node or another. */
export interface Recovery {
  /** Keeps a session whose connection was lost. Resolves when that is done, or cannot be. */
  persist(record: SessionRecord): Promise<void>;
  /** A session that is being resumed: its sockets are about to ask for what was theirs. */
  expect(record: SessionRecord, given: readonly Position[]): void;
  /** What a socket that says it has recovered goes on with, once. */
  take(socket: Socket): Restored | undefined;
  readonly counts: { hits: number; misses: number };
}

/** What recovery needs. */
export interface RecoveryOptions {
  readonly io: Server;
  readonly store: SessionStore;
  readonly history: HistoryStore;
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
  changes,
  keepMs,
  mark,
  tellBack,
  log,
}: RecoveryOptions): Recovery {
  const restored = new Map<string, Restored>();
  const expected = new Map<string, Restored>();
  const counts = { hits: 0, misses: 0 };

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
    counts.hits++;
    const { record } = found;
    restored.set(record.id, found);
    // Whoever vanishes in between must not be remembered for ever.
    setTimeout(() => restored.delete(record.id), 30_000).unref();
    return { sid: record.id, pid, rooms: record.rooms, data: record.data, missedPackets: [] };
  }

  function save(key: string, bytes: Buffer): Promise<void> {
    return store.save(key, bytes, keepMs).catch((error: unknown) => {
      log.warn({ err: error }, 'a session could not be kept: its client begins a new one');
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
    const last = readMark(offset);
    const positions = rewind({ positions: record.positions, tail, tailAfter, node }, last);
    const had = hadOnReturn(session, record, last);
    return (
      positions && {
        uid,
        node,
        at,
        record: { ...record, had },
        positions,
        given: [],
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
    const last = readMark(offset);
    const positions = await locate(session, record, last, history);
    const had = hadOnReturn(session, record, last);
    const giveBack = (): void => void save(keyOfToken(token), bytes);
    return { uid, node, at, record: { ...record, had }, positions, given: [], moved: false, giveBack };
  }

  function install(namespace: Namespace): void {
    const { adapter } = namespace;
    const inner = adapter as unknown as AdapterInside;
    const broadcast = adapter.broadcast.bind(adapter);
    const encode = inner._encode.bind(adapter);
    const alongWith = (packet: EventPacket): Along | undefined => alongOf(packet, namespace, mark, encode);
    const own: Pick<Adapter, 'persistSession' | 'restoreSession' | 'broadcast'> & AdapterInside = {
      // Kept when its session ends, with what only that knows.
      persistSession() {},
      restoreSession: restore as Adapter['restoreSession'],
      broadcast(packet, options) {
        // With recovery switched on Socket.IO sends what is for one socket to all nodes, for an adapter to remember; ours has no need of it.
        const [room] = options.rooms;
        const socket =
          options.rooms.size === 1 && (options.except?.size ?? 0) === 0
            ? namespace.sockets.get(room as string)
            : undefined;
        if (socket === undefined) broadcast(packet, options);
        else give(socket, packet, { ...options.flags, along: alongWith(packet) });
      },
      // Where it is encoded for the clients of this node, whichever node says it: a mark of another one would tell nothing.
      _encode(packet, options) {
        const along = alongWith(packet);
        const packets = encode(packet, options);
        if (along !== undefined) options.along = along;
        return packets;
      },
      // Socket.IO's own mark, which would hide ours.
      addOffsetIfNecessary() {},
    };
    Object.assign(adapter, own);
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

/** What an adapter has inside, and we put ours in the place of. */
interface AdapterInside {
  _encode(packet: EventPacket, options: PacketOptions): readonly (string | Buffer)[];
  addOffsetIfNecessary(): void;
}

/** A packet, of which events matter here. */
interface EventPacket {
  readonly type: number;
  readonly id?: number;
  readonly data?: unknown;
}

/**
 * What goes out with an event; nothing with those that want an answer, as in Socket.IO's own adapters.
 *
 * @param mark - the mark of what this node gives next; `undefined`: clients cannot come back to their sessions
 */
function alongOf(
  packet: EventPacket,
  { name, adapter }: Namespace,
  mark: (() => string) | undefined,
  encode: AdapterInside['_encode'],
): Along | undefined {
  const { type, id, data } = packet;
  // In namespaces of the project nobody keeps what a client missed.
  if (type !== packetType.event || id !== undefined || !Array.isArray(data) || name !== '/') return undefined;
  const saying = saidBy(data);
  // A client would take the text at the end of an event for what it got last.
  const own = mark && (saying?.mark ?? (typeof data.at(-1) === 'string' ? mark() : undefined));
  const more = saying?.extra ?? none;
  if (own === undefined && more.length === 0) return undefined;
  return new Along(own, (options) => {
    const args = saying === undefined ? data : [saying.event, saying.message, ...more];
    const marked = own === undefined || more.length > 0 ? args : [...args, own];
    return encode.call(adapter, { ...packet, nsp: name, data: marked } as EventPacket, options);
  });
}

const none: readonly unknown[] = [];

/** What Socket.IO itself does for one socket; the two methods are its own, and not typed. */
function give(socket: Socket, packet: unknown, flags: object | undefined): void {
  const own = socket as unknown as {
    notifyOutgoingListeners(packet: unknown): void;
    packet(packet: unknown, flags: object): void;
  };
  own.notifyOutgoingListeners(packet);
  own.packet(packet, { ...flags });
}
