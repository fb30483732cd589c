/** Formats of the values in the database: a time followed by a payload, or JSON. */

/** A payload and when it came or expires, in milliseconds since 1970. */
export interface Timed {
  readonly at: number;
  readonly payload: Buffer;
}

/** Sorts after every name and every number, as a part of a key. */
export const afterAll = Buffer.alloc(4, 0xff);

const timeBytes = 8;

export function packTimed(at: number, payload: Buffer): Buffer {
  const packed = Buffer.allocUnsafe(timeBytes + payload.length);
  packed.writeDoubleLE(at);
  payload.copy(packed, timeBytes);
  return packed;
}

/** A value too short to hold a time counts as expired long ago. */
export function timeOf(packed: Buffer): number {
  return packed.length < timeBytes ? 0 : packed.readDoubleLE();
}

/** Copies the payload, since the database may reuse its memory. */
export function unpackTimed(packed: Buffer): Timed {
  return { at: timeOf(packed), payload: Buffer.from(packed.subarray(timeBytes)) };
}

export function packJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Returns a packed object; `undefined` for bytes that are not one, as if nothing was stored. */
export function unpackJson<T extends object>(packed: Buffer | undefined): T | undefined {
  if (packed === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(packed.toString());
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** The same for an object with these numbers; `undefined` if one of them is none. */
export function unpackNumbers<T extends object>(
  packed: Buffer | undefined,
  names: readonly (keyof T)[],
): T | undefined {
  const value = unpackJson<T>(packed);
  return value !== undefined && names.every((name) => Number.isFinite(value[name])) ? value : undefined;
}
