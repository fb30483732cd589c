/** How things look in the database: a time in front of a payload, or JSON. */

/** A payload and when it came or goes, in milliseconds since 1970. */
export interface Timed {
  readonly at: number;
  readonly payload: Buffer;
}

/** As a part of a key it sorts after every name and every number. */
export const afterAll = Buffer.alloc(4, 0xff);

const timeBytes = 8;

export function packTimed(at: number, payload: Buffer): Buffer {
  const packed = Buffer.allocUnsafe(timeBytes + payload.length);
  packed.writeDoubleLE(at);
  payload.copy(packed, timeBytes);
  return packed;
}

/** What is too short to have a time has expired long ago. */
export function timeOf(packed: Buffer): number {
  return packed.length < timeBytes ? 0 : packed.readDoubleLE();
}

/** The payload is a copy, as the database may use the memory of what it gives again. */
export function unpackTimed(packed: Buffer): Timed {
  return { at: timeOf(packed), payload: Buffer.from(packed.subarray(timeBytes)) };
}

export function packJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** An object as it was packed; `undefined` for bytes that are none, as if nothing was kept there. */
export function unpackJson<T extends object>(packed: Buffer | undefined): T | undefined {
  if (packed === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(packed.toString());
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
