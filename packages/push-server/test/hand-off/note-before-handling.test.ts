import { createServer, Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { TakenConnection } from '@gopush/hand-off';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { joinServer } from '../../src/hand-off/joined-connection.ts';
import { notesFor } from '../../src/hand-off/note-connections.ts';

/** What reads the frames of a client; the types of `ws` do not know it. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { isServer: boolean }) => Writable };

/** A connection whose notes say what its next taker would get, should its process die now; `undefined`: nobody knows. */
function start() {
  const socket = new Socket();
  const state = { unread: '' as string | undefined };
  const taken = {
    socket,
    handlesErrors() {},
    handles: () => {
      state.unread = undefined;
    },
    read: () => {
      state.unread = '';
    },
    half: (bytes: Buffer) => {
      state.unread = bytes.toString('hex');
    },
  } as unknown as TakenConnection;
  joinServer(taken, createServer(), { address: '127.0.0.1', family: 'IPv4', port: 1 });
  const receiver = new Receiver({ isServer: true });
  socket.on('data', (chunk) => receiver.write(chunk));
  notesFor({ _socket: socket, _receiver: receiver, extensions: '' } as never);
  return { socket, receiver, state };
}

const mask = Buffer.of(0x12, 0xf3, 0x45, 0x07);

/** A frame of a client. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] as number));
  const size = payload.length;
  const length = size < 126 ? Buffer.of(0x80 | size) : Buffer.of(0x80 | 126, size >> 8, size & 0xff);
  return Buffer.concat([Buffer.of(0x81), length, mask, payload]);
}

const losable = ['42["e"]', '430["ok"]', '3', `42["long","${'x'.repeat(200)}"]`];
const others = ['40/chat,', '41'];
const isOther = (text: string): boolean => others.includes(text);

test('while events are handled that may be lost, it is known what follows them, however their bytes come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...losable, ...others), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }),
      (texts, sizes) => {
        const { socket, receiver, state } = start();
        const frames = texts.map(frame);
        const bytes = Buffer.concat(frames);
        const ends = frames.map((_, at) => Buffer.concat(frames.slice(0, at + 1)).length);
        let [from, to] = [0, 0];
        /** What of the bytes that have come is the beginning of a message. */
        const rest = (): string => bytes.subarray(ends.findLast((end) => end <= to) ?? 0, to).toString('hex');
        let handled = 0;
        receiver.on('message', () => {
          handled++;
          const hasOther = texts.some(
            (text, at) => isOther(text) && (ends[at] as number) > from && (ends[at] as number) <= to,
          );
          expect(state.unread).toBe(hasOther ? undefined : rest());
        });
        for (let turn = 0; to < bytes.length; turn++) {
          from = to;
          to = Math.min(bytes.length, from + (sizes[turn % sizes.length] as number));
          socket.emit('data', Buffer.from(bytes.subarray(from, to)));
          expect(state.unread).toBe(rest());
        }
        expect(handled).toBe(texts.length);
      },
    ),
    { numRuns: 300 },
  );
});

test('a long event whose beginning is not kept is noted before it is handled, as its last bytes come', () => {
  const { socket, receiver, state } = start();
  const text = `42["long","${'x'.repeat(100_000)}"]`;
  const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] as number));
  const head = Buffer.of(
    0x81,
    0xff,
    0,
    0,
    0,
    0,
    0,
    payload.length >> 16,
    (payload.length >> 8) & 0xff,
    payload.length & 0xff,
  );
  const bytes = Buffer.concat([head, mask, payload, frame('3').subarray(0, 4)]);
  const seen: unknown[] = [];
  receiver.on('message', () => seen.push(state.unread));
  // The first byte of the payload alone, so that the next one is in another chunk.
  for (const [from, to] of [
    [0, 15],
    [15, 90_000],
    [90_000, bytes.length],
  ] as const)
    socket.emit('data', Buffer.from(bytes.subarray(from, to)));
  expect(seen).toEqual([frame('3').subarray(0, 4).toString('hex')]);
});

test.each([
  ['behind an extension', { extensions: 'permessage-deflate' }],
  ['within fragments', { _fragmented: 1 }],
])(
  '%s it is not known before',
  (_what, { extensions = '', ...fields }: { extensions?: string; _fragmented?: number }) => {
    const { socket, receiver, state } = start();
    const seen: unknown[] = [];
    Object.assign(receiver, fields);
    const webSocket = { _socket: socket, _receiver: receiver, extensions } as never;
    socket.removeAllListeners('data');
    socket.on('data', () => seen.push(state.unread));
    notesFor(webSocket);
    socket.emit('data', frame('42["e"]'));
    expect(seen).toEqual([undefined]);
  },
);

test('while the WebSocket does not take what came before, it is not known', () => {
  const { socket, receiver, state } = start();
  const seen: unknown[] = [];
  receiver.on('message', () => seen.push(state.unread));
  Object.defineProperty(socket, 'readableLength', { value: 7 });
  socket.emit('data', frame('42["e"]'));
  expect([...seen, state.unread]).toEqual([undefined, undefined]);
});
