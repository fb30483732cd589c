import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endOfLosable } from '../../src/hand-off/events-that-may-be-lost.ts';

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
  expect(endOfLosable(bytes)).toBe(bytes.length);
  expect(endOfLosable(Buffer.concat([Buffer.of(1, 2), bytes]), 2)).toBe(bytes.length + 2);
});

test.each([
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
  ['a CONNECT before the beginning of an event', Buffer.concat([texts('40'), texts('42["e"]').subarray(0, 9)])],
  ['a frame with a length that is no number of bytes', Buffer.concat([Buffer.of(0x81, 0xff), Buffer.alloc(12)])],
])('is not to be lost: %s', (_what, bytes) => {
  expect(endOfLosable(bytes)).toBe(-1);
});

test('the beginning of a message is not lost, whatever it is, and wherever it ends', () => {
  const bytes = texts('42["e"]', long, '3', '431["ok"]');
  const ends = new Set([...bytes.keys()].map((end) => endOfLosable(bytes.subarray(0, end))));
  const before = [['42["e"]'], ['42["e"]', long], ['42["e"]', long, '3']];
  expect([...ends]).toEqual([0, ...before.map((all) => texts(...all).length)]);
  const event = texts('42["e"]');
  for (const next of [
    texts('40'),
    texts('451-["e"]'),
    Buffer.concat([Buffer.of(0x81, 0xff), Buffer.alloc(6, 1)]),
    close,
  ])
    for (let end = 0; end < next.length; end++)
      expect(endOfLosable(Buffer.concat([event, next.subarray(0, end)]))).toBe(event.length);
});

test('random bytes neither throw nor read beyond their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const end = endOfLosable(Buffer.from(bytes));
      expect(end >= -1 && end <= bytes.length).toBe(true);
    }),
    { numRuns: 500 },
  );
});
