import { maxDepthOfPrograms, type Position, shapeOf } from '@gopush/contract';
import type { Packet } from '@gopush/slim-socket-io';
import { decodeValue, encodeValue } from '@gopush/store';
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

/** Largest session, in bytes. */
const maxBytes = 1024 * 1024;

/**
 * Encodes a session. Of a part that cannot be encoded (functions, an object that contains itself, more than 256 levels) what JSON has of it is
 * kept; a part that JSON does not have either becomes an empty object. A session larger than 1 MiB is kept without its data.
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

/** The session of some bytes; `undefined` where they are of another version. */
export function decodeSession(bytes: Buffer): SessionRecord | undefined {
  try {
    const record = decodeValue(bytes) as Omit<SessionRecord, 'tail'> & { readonly tail: PackedTail };
    return Array.isArray(record.sockets) ? { ...record, tail: unpackTail(record.tail) } : undefined;
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
