import { deserialize, serialize } from 'node:v8';
import { maxDepthOfPrograms, type Position, shapeOf } from '@gopush/contract';
import type { Packet } from '@gopush/slim-socket-io';
import type { EmittedRecord } from '../emitted-events/emitted-record.ts';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';
import type { ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import { type PackedTail, packTail, unpackTail } from './pack-tail.ts';

/** One Socket.IO socket of a session, as it is kept. */
export interface SocketRecord {
  readonly namespace: string;
  readonly id: string;
  /** Socket.IO's private id, by which its own recovery asks. */
  readonly pid: string;
  readonly auth: object;
  /** Rooms that handlers of the project put it into. */
  readonly rooms: readonly string[];
  readonly data: unknown;
  /** Rooms of ours with the position up to which it was given messages; `null`: the room had no history when it came. */
  readonly positions: readonly (readonly [room: string, position: Position | null])[];
  /** Where its rooms stood on its node when this was written down. Only while its connection is there. */
  readonly reached?: readonly (readonly [room: string, position: Position | null])[];
  /** What it has had, or may have, of what was given without being kept and may be kept yet. */
  readonly had?: readonly ReceivedKey[];
  /** What it has had of the events that programs have sent; absent in one of an earlier version. */
  readonly emitted?: EmittedRecord;
  /** Up to where it was given its inbox. */
  readonly inboxAfter: number;
  /** What the server hook knows of it. */
  readonly clientData: Record<string, unknown>;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Whether its client has asked for marks. */
  readonly marks?: boolean;
  /** Packets that the client has sent to it, and that no node has handled. */
  readonly waiting?: readonly Packet[];
  /** Which of the answers to CONNECTs of its connection it began with; absent where the client surely has had it. */
  readonly answer?: number;
}

/** A CONNECT of a client that is not answered yet. */
export interface OpeningRecord {
  readonly namespace: string;
  /** What came with it. */
  readonly auth: unknown;
}

/** A session, as it is kept for whoever goes on with it. */
export interface SessionRecord {
  readonly engineId: string;
  /** Its user: the uid, after the scope of its product where products are isolated. */
  readonly uid: string;
  /** The node that had it. */
  readonly node: string;
  /** When it was written down, in milliseconds since 1970; absent in one of an earlier version. */
  readonly at?: number;
  /**
   * Whether positions say what the client was given: not where its node died, which had only written down where it began.
   */
  readonly isExact: boolean;
  /** Messages that may not have reached the client, in the order in which they were given. Only with a lost connection. */
  readonly tail: readonly Delivery[];
  /** Which of the node's deliveries the tail begins after, where not all that may not have reached the client is in it. */
  readonly tailAfter?: number;
  readonly sockets: readonly SocketRecord[];
  /** Namespaces that its client is about to enter. */
  readonly opening?: readonly OpeningRecord[];
  /** How many CONNECTs of its client were answered. */
  readonly answers?: number;
  /** How many deliveries its node had made when this was written down. Only while its connection is there. */
  readonly count?: number;
}

/** What has no more bytes than this cannot be nested too deep for being read again: each level has one at least. */
const surelyReadable = 1_024;

/** Largest session, in bytes. */
const maxBytes = 1024 * 1024;

/**
 * A session as bytes. Data that cannot be copied is left out. Data that is nested too deep for being read again, or of a session larger than
 * 1 MiB, becomes an empty object: the client goes on without it.
 */
export function encodeSession({ tail, ...rest }: SessionRecord): Buffer {
  const record = { ...rest, tail: packTail(tail) };
  try {
    const bytes = serialize(record);
    if (bytes.length > surelyReadable) deserialize(bytes);
    if (bytes.length <= maxBytes) return bytes;
    const sockets = record.sockets.map((socket) => ({
      ...socket,
      data: {},
      clientData: {},
      claims: undefined,
      waiting: [],
    }));
    return serialize({ ...record, sockets });
  } catch {
    const sockets = record.sockets.map((socket) => ({
      ...socket,
      auth: plain(socket.auth) as object,
      data: plain(socket.data),
      clientData: plain(socket.clientData) as Record<string, unknown>,
      claims: plain(socket.claims) as Record<string, unknown> | undefined,
    }));
    return serialize({ ...record, sockets });
  }
}

/** The session of some bytes; `undefined` where they are of another version. */
export function decodeSession(bytes: Buffer): SessionRecord | undefined {
  try {
    const record = deserialize(bytes) as Omit<SessionRecord, 'tail'> & { readonly tail: PackedTail };
    return Array.isArray(record.sockets) ? { ...record, tail: unpackTail(record.tail) } : undefined;
  } catch {
    return undefined;
  }
}

function plain(value: unknown): unknown {
  try {
    if (shapeOf(value, maxDepthOfPrograms) === 'deep') return {};
    return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
  } catch {
    return {};
  }
}
