import { maxRecordBytes } from '@gopush/hand-off';
import { uptimeMs } from '@gopush/service';
import type { SessionRequest } from '../request/session-request.ts';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/** Room for the short parts of a record (ids, names, numbers), in bytes. */
const shortBytes = 4 * 1024;

/**
 * The record of a connection that is handed over: all that an agent knows of it, besides the little that stays in
 * memory. Its target keeps the record as well, so that the successor of an agent that has ended can continue the
 * connection.
 */
export interface HandOffRecord extends SessionRequest, Omit<TunnelInfo, 'member' | 'startedAt' | 'peer'> {
  /** Address under which the connection is counted. */
  readonly peer: string;
  /** Name of the target's product in the router. */
  readonly route: string;
  /** Name of the target. */
  readonly target: string;
  /** When it was upgraded, in milliseconds since 1970: for agents of earlier versions. */
  readonly openedAt: number;
  /** The same in time of {@link uptimeMs}, which is steady when the clock is set; absent: of an agent of an earlier version. */
  readonly openedUp?: number | undefined;
  /** The token by which the next target finds its session; absent: its target keeps none that could migrate. */
  readonly token: string | undefined;
  /**
   * If its target took the session from another one, the token by which it found it: it may end before it has stored
   * the session under the next token.
   */
  readonly before?: { readonly token: string; readonly positions: string } | undefined;
  /** How often its session has gone to another target. */
  readonly migrations: number;
}

/** Whether a record of this request is not too large. */
export function fitsRecord({ url, path, headers }: SessionRequest): boolean {
  const chars = url.length + path.length + headers.length;
  // A character takes at most two bytes in UTF-8, since it came as one, and six as an escape of JSON.
  if (chars * 2 + shortBytes <= maxRecordBytes) return true;
  return (
    chars + shortBytes <= maxRecordBytes &&
    Buffer.byteLength(JSON.stringify([url, path, headers])) + shortBytes <= maxRecordBytes
  );
}

export function writeRecord(record: HandOffRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

const texts = ['id', 'address', 'uid', 'product', 'peer', 'route', 'target', 'url', 'path', 'headers', 'key'] as const;
const counts = ['openedAt', 'migrations', 'bytesInBefore', 'bytesOutBefore'] as const;

/** @returns `undefined` for bytes that are no record of an agent */
export function readRecord(bytes: Buffer): HandOffRecord | undefined {
  try {
    const record: Partial<Record<keyof HandOffRecord, unknown>> | null = JSON.parse(bytes.toString());
    const isWhole =
      texts.every((field) => typeof record?.[field] === 'string') &&
      counts.every((field) => Number.isSafeInteger(record?.[field])) &&
      (record?.openedUp === undefined || Number.isSafeInteger(record.openedUp)) &&
      ['string', 'undefined'].includes(typeof record?.token) &&
      isBefore(record?.before);
    return isWhole ? (record as HandOffRecord) : undefined;
  } catch {
    return undefined;
  }
}

function isBefore(value: unknown): boolean {
  const { token, positions } = (value ?? {}) as Partial<Record<string, unknown>>;
  return value === undefined || (typeof token === 'string' && typeof positions === 'string');
}

/** How a record says when a connection was upgraded. @param at - in time of `performance.now()` */
export function writeOpenedAt(at: number): Pick<HandOffRecord, 'openedAt' | 'openedUp'> {
  const ageMs = performance.now() - at;
  return { openedAt: Math.round(Date.now() - ageMs), openedUp: Math.round(uptimeMs() - ageMs) };
}

/** When a connection was upgraded, in time of `performance.now()`. */
export function readOpenedAt({ openedAt, openedUp }: Pick<HandOffRecord, 'openedAt' | 'openedUp'>): number {
  const ageMs = openedUp === undefined ? Date.now() - openedAt : uptimeMs() - openedUp;
  return performance.now() - ageMs;
}

/** A client that was handed over, described as one with a tunnel. */
export function infoOf(record: HandOffRecord, member: Member): TunnelInfo {
  const { id, address, uid, product, peer, cannotMigrate, bytesInBefore, bytesOutBefore } = record;
  // How long its handshake took has been measured.
  return { id, address, uid, product, member, startedAt: 0, cannotMigrate, peer, bytesInBefore, bytesOutBefore };
}
