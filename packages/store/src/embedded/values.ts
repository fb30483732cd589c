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

export function timeOf(packed: Buffer): number {
  return packed.readDoubleLE();
}

/** The payload is a copy, as the database may use the memory of what it gives again. */
export function unpackTimed(packed: Buffer): Timed {
  return { at: timeOf(packed), payload: Buffer.from(packed.subarray(timeBytes)) };
}

export function packJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function unpackJson<T>(packed: Buffer | undefined): T | undefined {
  return packed === undefined ? undefined : (JSON.parse(packed.toString()) as T);
}
