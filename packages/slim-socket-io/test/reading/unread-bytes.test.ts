import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { WebSocketInternals } from '../../src/internals/private-names.ts';
import { unreadBytes } from '../../src/reading/unread-bytes.ts';

/** The `ws` of Engine.IO. */
const { Receiver } = createRequire(import.meta.resolve('engine.io'))('ws') as {
  readonly Receiver: new (options: object) => Writable;
};

/** Reads frames as a server does, and remembers what they were. */
function startReading() {
  const receiver = new Receiver({ isServer: true, maxPayload: 1_000_000 });
  const seen: string[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    seen.push(`${isBinary ? 'binary' : 'text'} ${data.length} ${data.subarray(0, 20).toString('latin1')}`);
  });
  receiver.on('ping', (data: Buffer) => seen.push(`ping ${data}`));
  receiver.on('pong', (data: Buffer) => seen.push(`pong ${data}`));
  receiver.on('error', (error) => seen.push(error.message));
  const webSocket = { _receiver: receiver, extensions: '' } as unknown as WebSocketInternals;
  return { receiver, seen, webSocket };
}

/** A frame of a client. */
function frame(opcode: number, payload: string, isLast = true): Buffer {
  const bytes = Buffer.from(payload, 'latin1');
  const { length } = bytes;
  const first = (isLast ? 0x80 : 0) | opcode;
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(BigInt(length));
  const head =
    length < 126
      ? Buffer.of(first, 0x80 | length)
      : length < 0x10000
        ? Buffer.of(first, 0x80 | 126, length >> 8, length & 0xff)
        : Buffer.concat([Buffer.of(first, 0x80 | 127), long]);
  const mask = Buffer.of(7, 99, 200, 31);
  const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] as number));
  return Buffer.concat([head, mask, masked]);
}

const [continuation, text, binary, ping, pong] = [0, 1, 2, 9, 10];

const stream = Buffer.concat([
  frame(text, 'hello'),
  frame(text, ''),
  frame(ping, 'are you there?'),
  // A message in several frames, some of them empty, with a ping between them.
  frame(binary, 'one', false),
  frame(continuation, '', false),
  frame(ping, 'in between'),
  frame(continuation, 'two', false),
  frame(continuation, 'three'),
  // One whose first frames are empty.
  frame(text, '', false),
  frame(pong, ''),
  frame(continuation, '', false),
  frame(continuation, 'late'),
  frame(text, 'x'.repeat(200)),
  frame(text, 'end', false),
  frame(continuation, ''),
]);

function read(chunks: readonly Buffer[]): readonly string[] {
  const { receiver, seen } = startReading();
  for (const chunk of chunks) receiver.write(chunk);
  return seen;
}

/** Reads some bytes with one server, and the rest with another. */
function readWithTwo(bytes: Buffer, at: number): readonly string[] {
  const { receiver, seen, webSocket } = startReading();
  // The receiver unmasks in place.
  receiver.write(Buffer.from(bytes.subarray(0, at)));
  const unread = unreadBytes(webSocket);
  if (unread === undefined) return [...seen, 'cannot be told'];
  return [...seen, ...read([Buffer.from(unread), Buffer.from(bytes.subarray(at))])];
}

test('wherever the stream of a client is cut, another server continues it with each message once', () => {
  const whole = read([Buffer.from(stream)]);
  expect(whole).toHaveLength(9);
  for (let at = 0; at <= stream.length; at++) expect(readWithTwo(stream, at), `cut at byte ${at}`).toEqual(whole);
});

test('within a frame of more than 64 KiB as well', () => {
  const bytes = Buffer.concat([frame(binary, 'y'.repeat(70_000), false), frame(continuation, 'z'.repeat(70_001))]);
  const whole = read([Buffer.from(bytes)]);
  expect(whole).toHaveLength(1);
  for (const at of [
    1, 2, 5, 9, 10, 13, 14, 15, 69_000, 70_013, 70_014, 70_015, 70_016, 70_024, 70_028, 70_029, 140_000,
  ])
    expect(readWithTwo(bytes, at), `cut at byte ${at}`).toEqual(whole);
});

test('a stream that its client has closed, that is invalid or compressed cannot be continued', () => {
  const closed = startReading();
  closed.receiver.write(frame(8, '\x03\xe8'));
  expect(unreadBytes(closed.webSocket)).toBeUndefined();

  const invalid = startReading();
  invalid.receiver.write(Buffer.of(0xf1, 0x80));
  expect(unreadBytes(invalid.webSocket)).toBeUndefined();

  const compressed = startReading();
  expect(unreadBytes({ ...compressed.webSocket, extensions: 'permessage-deflate' })).toBeUndefined();
  expect(unreadBytes({ ...compressed.webSocket, _receiver: {} as never })).toBeUndefined();
});
