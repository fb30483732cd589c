/** The key of an object that takes the place of bytes in JSON. */
const place = '\0';

/**
 * Copies a value, with an object in the place of each part of bytes.
 *
 * @param parts - gets the bytes, in order
 * @throws TypeError if the value contains an object that looks like such a place
 */
export function takeBytesOut(value: unknown, parts: Buffer[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return placeFor(Buffer.from(value.buffer, value.byteOffset, value.byteLength), parts);
  if (value instanceof ArrayBuffer) return placeFor(Buffer.from(value), parts);
  if (Array.isArray(value)) return value.map((inner) => takeBytesOut(inner, parts));
  if (Object.hasOwn(value, place)) throw new TypeError('no key of a message with bytes may be a NUL');
  // An object that encodes itself, such as a date.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, takeBytesOut(inner, parts)]));
}

/**
 * Puts parts of bytes back into their places.
 *
 * @throws Error if there are fewer parts than places
 */
export function putBytesIn(value: unknown, parts: readonly Buffer[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((inner) => putBytesIn(inner, parts));
  if (Object.hasOwn(value, place)) {
    const part = parts[(value as Record<string, number>)[place] ?? -1];
    if (part === undefined) throw new Error('a part of the message is missing');
    return part;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, putBytesIn(inner, parts)]));
}

function placeFor(bytes: Buffer, parts: Buffer[]): object {
  return { [place]: parts.push(bytes) - 1 };
}
