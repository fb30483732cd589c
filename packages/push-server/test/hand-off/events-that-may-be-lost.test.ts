import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mayAllBeLost } from '../../src/hand-off/events-that-may-be-lost.ts';

/** A frame of a client, with a mask. */
function frame(text: string): Buffer {
  const mask = Buffer.of(0x12, 0xf3, 0x45, 0x07);
  const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] as number));
  const size = payload.length;
  const length = size < 126 ? Buffer.of(0x80 | size) : Buffer.of(0x80 | 126, size >> 8, size & 0xff);
  return Buffer.concat([Buffer.of(0x81), length, mask, payload]);
}

const [ping, pong, close] = [0x89, 0x8a, 0x88].map((first) => Buffer.of(first, 0x80, 1, 2, 3, 4)) as [
  Buffer,
  Buffer,
  Buffer,
];
const texts = (...all: string[]): Buffer => Buffer.concat(all.map((text) => frame(text)));
const long = `42["e","${'x'.repeat(1_000)}"]`;

test.each([
  ['an event', texts('42["e"]')],
  ['an event of a namespace, and one that wants an ack', texts('42/chat,["e"]', '427["e"]')],
  ['an ack', texts('430["ok"]')],
  ['a pong', texts('3')],
  ['a ping and a pong of WebSocket', Buffer.concat([ping, pong])],
  ['long events between short ones', texts('3', long, '42["e"]', long)],
])('may be lost: %s', (_what, bytes) => {
  expect(mayAllBeLost(bytes)).toBe(true);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a CONNECT', texts('40')],
  ['a CONNECT behind an event', texts('42["e"]', '40/chat,')],
  ['a DISCONNECT', texts('41')],
  ['an event with attachments, and an ack', texts('451-["e",{"_placeholder":true,"num":0}]')],
  ['an ack with attachments', texts('461-0[{"_placeholder":true,"num":0}]')],
  ['a ping of Engine.IO, its close, its upgrade', texts('2')],
  ['a close of Engine.IO', texts('1')],
  ['a probe that is no pong alone', texts('3probe')],
  ['an empty message, and one without a type', texts('')],
  ['a message of Socket.IO without a type', texts('4')],
  ['an attachment', Buffer.concat([Buffer.of(0x82), frame('42["e"]').subarray(1)])],
  ['a first fragment', Buffer.concat([Buffer.of(0x01), frame('42["e"]').subarray(1)])],
  ['a last fragment', Buffer.concat([Buffer.of(0x80), frame('42["e"]').subarray(1)])],
  ['a compressed message', Buffer.concat([Buffer.of(0xc1), frame('42["e"]').subarray(1)])],
  ['a close frame', Buffer.concat([frame('42["e"]'), close])],
  ['a frame without a mask', Buffer.concat([Buffer.of(0x81, 7), Buffer.from('42["e"]')])],
  ['a frame of 64 KiB and more', Buffer.concat([Buffer.of(0x81, 0xff), Buffer.alloc(70_012)])],
])('is not to be lost: %s', (_what, bytes) => {
  expect(mayAllBeLost(bytes)).toBe(false);
});

test('bytes that do not end with a message are not whole events, wherever they end', () => {
  const bytes = texts('42["e"]', long, '3', '431["ok"]');
  const ends = [...bytes.keys()].filter((end) => mayAllBeLost(bytes.subarray(0, end)));
  expect(ends).toEqual([texts('42["e"]').length, texts('42["e"]', long).length, texts('42["e"]', long, '3').length]);
});

test('random bytes neither throw nor read beyond their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(typeof mayAllBeLost(Buffer.from(bytes))).toBe('boolean');
    }),
    { numRuns: 500 },
  );
});
