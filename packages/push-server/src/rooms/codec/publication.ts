import { deserialize } from 'node:v8';
import { failed, maxDepthOfPrograms, type Result, shapeOf, success } from '@gopush/contract';
import { putBytesIn, takeBytesOut } from './binary-parts.ts';
import { maxParts } from './message-parts.ts';

/** A message of a room, as it is kept and sent to other nodes. */
export interface Publication {
  readonly event: string;
  readonly message: unknown;
  /** Id of the socket that does not get the message: the sender. */
  readonly except: string | undefined;
  /** Uid of the client that published it; `undefined` if a program did, or `pushServer.senders` is off. */
  readonly sender: string | undefined;
  /** Idempotency key: see `idempotencyKeyOf`. */
  readonly id?: string | undefined;
}

/** Largest encoded message, in bytes. Several of them fit into one frame between push-servers. */
const maxBytes = 16 * 1024 * 1024;

/**
 * The first byte of an encoded message: the version of its format.
 *
 * - 1: JSON of `[event, except, sender, id, message?]`. JSON, because every depth that can be written can be read, on every version of Node.
 * - 2: the length of that JSON in four bytes, the JSON, then each part of bytes with its length before it; `{ "\0": n }` in the JSON
 *   stands for the n-th of them.
 *
 * 0xff is V8's serializer, which wrote `[event, message, except, sender?]` before there were versions.
 */
const plainVersion = 1;
const binaryVersion = 2;
const v8Version = 0xff;

/**
 * Encodes a message. Values that JSON leaves out, such as functions, are left out, as Socket.IO does for clients. Failures:
 * `payload_invalid` for a message that is nested too deeply, is larger than 16 MiB, or contains a BigInt or itself.
 */
export function encodePublication(publication: Publication): Result<Buffer> {
  try {
    const shape = shapeOf(publication.message, maxDepthOfPrograms);
    if (shape === 'deep')
      return failed('payload_invalid', `a message may be nested at most ${maxDepthOfPrograms} levels deep`);
    const bytes = shape === 'plain' ? encodePlain(publication) : encodeBinary(publication);
    return bytes.length > maxBytes
      ? failed('payload_invalid', `a message of ${bytes.length} bytes; wanted at most ${maxBytes}`)
      : success(bytes);
  } catch (cause) {
    return failed('payload_invalid', 'the message cannot be encoded as JSON', cause);
  }
}

/**
 * Decodes a message.
 *
 * @throws Error if these bytes are not a message
 */
export function decodePublication(bytes: Buffer): Publication {
  const message = read(bytes);
  if (typeof message.event !== 'string') throw new Error('these bytes are not a message');
  return message;
}

function read(bytes: Buffer): Publication {
  const [version] = bytes;
  switch (version) {
    case plainVersion: {
      return asMessage(JSON.parse(bytes.toString('utf8', 1)));
    }
    case binaryVersion: {
      const end = 5 + bytes.readUInt32BE(1);
      const publication = asMessage(JSON.parse(bytes.toString('utf8', 5, end)));
      return { ...publication, message: putBytesIn(publication.message, readParts(bytes, end)) };
    }
    case v8Version: {
      const [event, message, except, sender] = deserialize(bytes) as [string, unknown, string?, string?];
      if (shapeOf(message, maxDepthOfPrograms) === 'deep') throw new Error('the message is nested too deeply');
      return { event, message, except, sender };
    }
    default:
      throw new Error(`a message of format ${version}; this version reads formats 1 and 2`);
  }
}

type Written = [event: string, except: string | null, sender: string | null, id: string | null, message?: unknown];

function asMessage([event, except, sender, id, message]: Written): Publication {
  return { event, message, except: except ?? undefined, sender: sender ?? undefined, id: id ?? undefined };
}

function encodePlain(publication: Publication): Buffer {
  const json = writeJson(publication, publication.message);
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(json));
  bytes[0] = plainVersion;
  bytes.write(json, 1);
  return bytes;
}

function encodeBinary(publication: Publication): Buffer {
  const parts: Buffer[] = [];
  const json = Buffer.from(writeJson(publication, takeBytesOut(publication.message, parts)));
  if (parts.length > maxParts)
    throw new TypeError(`a message has at most ${maxParts} parts of bytes, this one ${parts.length}`);
  const head = Buffer.allocUnsafe(5);
  head[0] = binaryVersion;
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json, ...parts.flatMap((part) => [lengthOf(part), part])]);
}

function writeJson({ event, except, sender, id }: Publication, message: unknown): string {
  const head: Written = [event, except ?? null, sender ?? null, id ?? null];
  return JSON.stringify(message === undefined ? head : [...head, message]);
}

function lengthOf({ length }: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

function readParts(bytes: Buffer, from: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = from; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error('a part of the message is missing');
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return parts;
}
