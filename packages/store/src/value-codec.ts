import { deserialize } from 'node:v8';
import { Decoder, Encoder, ExtensionCodec } from '@msgpack/msgpack';

/**
 * The first byte of an encoded value, which is the version of its format:
 *
 * - 0x10: MessagePack (https://msgpack.org) with the extensions below
 * - 0xff: V8's serializer, which earlier versions wrote; it is only read
 */
const version = 0x10;
const v8Version = 0xff;

/** Deepest value that is encoded. The decoder is not recursive, so it reads every depth that was written. */
const maxDepth = 256;

/** Values that MessagePack does not have. The numbers are stored: never give one another meaning. */
const types = { buffer: 1, bigint: 2, map: 3, set: 4, entries: 5 } as const;

const extensionCodec = new ExtensionCodec();
const encoder = new Encoder({ extensionCodec, ignoreUndefined: true, maxDepth });
const decoder = new Decoder({ extensionCodec });

/** @param encode - returns `null` for values that are not of this type */
function register(
  type: number,
  encode: (value: unknown) => Uint8Array | null,
  decode: (bytes: Uint8Array) => unknown,
): void {
  extensionCodec.register({ type, encode, decode });
}

register(types.buffer, (value) => (Buffer.isBuffer(value) ? value : null), asBuffer);
register(
  types.bigint,
  (value) => (typeof value === 'bigint' ? Buffer.from(value.toString()) : null),
  (bytes) => BigInt(asBuffer(bytes).toString()),
);
register(
  types.map,
  (value) => (value instanceof Map ? encoder.encode([...value]) : null),
  (bytes) => new Map(decoder.decode(bytes) as [unknown, unknown][]),
);
register(
  types.set,
  (value) => (value instanceof Set ? encoder.encode([...value]) : null),
  (bytes) => new Set(decoder.decode(bytes) as unknown[]),
);
// A key that the decoder refuses, since assigning it would replace the prototype.
register(
  types.entries,
  (value) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')
      ? encoder.encode(Object.entries(value))
      : null,
  (bytes) => Object.fromEntries(decoder.decode(bytes) as [string, unknown][]),
);

/**
 * Encodes a value that is stored, or sent to other nodes, so that every version of Node reads it.
 *
 * Objects keep their own enumerable properties; `Map`, `Set`, `Date`, `BigInt` and bytes keep their type. `undefined` is left out of objects, and
 * becomes `null` elsewhere.
 *
 * @throws if something cannot be encoded: functions, symbols, more than 256 levels, an object that contains itself
 */
export function encodeValue(value: unknown): Buffer {
  const bytes = encoder.encodeSharedRef(value);
  const encoded = Buffer.allocUnsafe(1 + bytes.length);
  encoded[0] = version;
  encoded.set(bytes, 1);
  return encoded;
}

/**
 * Decodes what {@link encodeValue} returned. Parts that are bytes share the memory of `encoded`.
 *
 * @throws for bytes that are damaged, or of a format that this version does not read
 */
export function decodeValue(encoded: Buffer): unknown {
  switch (encoded[0]) {
    case version:
      return decoder.decode(encoded.subarray(1));
    case v8Version:
      return deserialize(encoded);
    default:
      throw new Error(
        `found a value of format ${encoded[0] ?? 'none, as it is empty'}; this version reads formats ${version} and ${v8Version}`,
      );
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
