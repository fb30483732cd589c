import { maxDepthOfPrograms, type Position, shapeOf } from '@gopush/contract';
import type { Packet } from '@gopush/slim-socket-io';
import { decodeValue, encodeValue } from '@gopush/store';
import type { EmittedRecord } from '../emitted-events/emitted-record.ts';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';
import type { ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import { isStoredSession } from './is-stored-session.ts';
import { type PackedTail, packTail, unpackTail } from './pack-tail.ts';

/** One Socket.IO socket of a session, as it is stored. */
export interface SocketRecord {
  readonly namespace: string;
  readonly id: string;
  /** Socket.IO's private id, by which a client asks for its session. */
  readonly pid: string;
  readonly auth: object;
  /** The rooms of Socket.IO that handlers of the project put it into. */
  readonly rooms: readonly string[];
  readonly data: unknown;
  /**
   * Its rooms, with the position up to which messages were written to the client; `null`: the room had no history when
   * it came.
   */
  readonly positions: readonly (readonly [room: string, position: Position | null])[];
  /** The positions of its rooms on its node when this was stored. Only in a copy for a crash. */
  readonly reached?: readonly (readonly [room: string, position: Position | null])[] | undefined;
  /** Idempotency keys of messages that were written to it before they were kept, and that may be kept yet. */
  readonly had?: readonly ReceivedKey[] | undefined;
  /** What it has had of the events of programs; absent in a session of an earlier version. */
  readonly emitted?: EmittedRecord;
  /** The position in its inbox up to which messages were given to it. */
  readonly inboxAfter: number;
  /** What the server hook knows of it. */
  readonly clientData: Record<string, unknown>;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Whether its client wants positions as arguments. */
  readonly marks?: boolean | undefined;
  /** Packets of the client that no node has handled. */
  readonly waiting?: readonly Packet[];
  /** The number of the response to its CONNECT; absent or 0 if the client has had it for certain. */
  readonly answer?: number | undefined;
}

/** A CONNECT of a client without a response. */
export interface OpeningRecord {
  readonly namespace: string;
  /** Its payload. */
  readonly auth: unknown;
}

/** A session, as it is stored for the node that continues it. */
export interface SessionRecord {
  readonly engineId: string;
  /** Its user: the uid, after the scope of its product if products are isolated. */
  readonly uid: string;
  /** The node that had it. */
  readonly node: string;
  /** When it was stored, in milliseconds since 1970; absent in a session of an earlier version. */
  readonly at?: number;
  /** Whether its positions say what was written to the client. Those of a copy for a crash say where it began. */
  readonly isExact: boolean;
  /**
   * Messages that may not have reached the client, in the order in which they were written. Only of a lost connection.
   */
  readonly tail: readonly Delivery[];
  /** The number of the delivery after which the tail begins, if there were more of them. */
  readonly tailAfter?: number;
  readonly sockets: readonly SocketRecord[];
  /** CONNECTs of its client without a response. */
  readonly opening?: readonly OpeningRecord[];
  /** How many CONNECTs of its client have had a response. */
  readonly answers?: number;
  /** How many deliveries its node had made when this was stored. Only in a copy for a crash. */
  readonly count?: number | undefined;
}

/** Largest session, in bytes. */
const maxBytes = 1024 * 1024;

/**
 * Encodes a session. Of a part that cannot be encoded (functions, an object that contains itself, more than 256 levels)
 * what JSON has of it is kept; a part that JSON does not have either becomes an empty object. A session larger than 1
 * MiB is kept without its data.
 */
export function encodeSession({ tail, ...rest }: SessionRecord): Buffer {
  const record = { ...rest, tail: packTail(tail) };
  try {
    return withinBounds(record);
  } catch {
    return withinBounds({
      ...record,
      sockets: record.sockets.map(encodable),
      opening: (record.opening ?? []).map(({ namespace, auth }) => ({ namespace, auth: encodablePart(auth) })),
    });
  }
}

function withinBounds(record: Omit<SessionRecord, 'tail'>): Buffer {
  const bytes = encodeValue(record);
  if (bytes.length <= maxBytes) return bytes;
  const bare = { data: {}, clientData: {}, claims: undefined, waiting: [] };
  return encodeValue({ ...record, sockets: record.sockets.map((socket) => ({ ...socket, ...bare })) });
}

function encodable(socket: SocketRecord): SocketRecord {
  const parts = Object.entries(socket).map(([name, part]) => [name, encodablePart(part)]);
  return Object.fromEntries(parts);
}

function encodablePart(part: unknown): unknown {
  try {
    // As deep as it is within a session.
    encodeValue({ sockets: [{ part }] });
    return part;
  } catch {
    return plain(part);
  }
}

/** The session of some bytes; `undefined` if they are of another version, or of somebody else. */
export function decodeSession(bytes: Buffer): SessionRecord | undefined {
  try {
    const value = decodeValue(bytes);
    if (!isStoredSession(value)) return undefined;
    const record = value as Omit<SessionRecord, 'tail'> & { readonly tail: PackedTail };
    return { ...record, tail: unpackTail(record.tail) };
  } catch {
    return undefined;
  }
}

function plain(value: unknown): unknown {
  try {
    if (shapeOf(value, maxDepthOfPrograms) === 'deep') return {};
    return JSON.parse(JSON.stringify(value));
  } catch {
    return {};
  }
}
