import { serialize } from 'node:v8';
import { expect, test, vi } from 'vitest';
import { decodePublication, encodePublication, type Publication } from '../../../src/rooms/codec/publication.ts';
import { createUndecodableLog } from '../../../src/rooms/codec/undecodable-log.ts';

const publicationOf = (message: unknown): Publication => ({
  event: 'news',
  message,
  except: 'the sender',
  sender: 'ann',
  id: 'k',
});

function encode(message: unknown): Buffer {
  const encoded = encodePublication(publicationOf(message));
  if (!encoded.ok) throw new Error(encoded.failure.code);
  return encoded.value;
}

test.each([
  ['text', 'ä €'],
  ['nothing', undefined],
  ['null', null],
  ['an object', { a: [1, { b: true }] }],
  ['bytes in places', { a: Buffer.from('one'), b: [Buffer.from('two'), Buffer.alloc(0)] }],
])('%s comes back', (_, message) => {
  expect(decodePublication(encode(message))).toEqual(publicationOf(message));
});

test('messages without bytes are JSON after a version, and those with bytes have another version', () => {
  expect(encode(1).toString('latin1')).toBe('\u0001["news","the sender","ann","k",1]');
  expect(encode(Buffer.from('x'))[0]).toBe(2);
});

test('what was kept by a version without formats is read', () => {
  expect(decodePublication(serialize(['news', 1, undefined, 'ann']))).toEqual({
    event: 'news',
    message: 1,
    except: undefined,
    sender: 'ann',
  });
});

test('messages that cannot be sent fail', () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  let deep: unknown = 1;
  for (let level = 0; level < 130; level++) deep = [deep];
  const many = Array.from({ length: 11 }, () => Buffer.from('x'));
  for (const message of [1n, circle, deep, many, 'x'.repeat(17 * 1024 * 1024)])
    expect(encodePublication(publicationOf(message))).toMatchObject({ failure: { code: 'payload_invalid' } });
});

test('bytes of something else, or cut ones, throw', () => {
  const withBytes = encode({ a: Buffer.from('one') });
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('\u0001{}'),
    Buffer.from('\u0001[7]'),
    Buffer.from('\u0009x'),
    withBytes.subarray(0, withBytes.length - 1),
    withBytes.subarray(0, 3),
  ])
    expect(() => decodePublication(bytes)).toThrow();
});

test('each message that cannot be decoded is counted, and the first of each room is logged', () => {
  const counts = { undecodable: 0 };
  const log = { debug() {}, info() {}, warn() {}, error: vi.fn() };
  const add = createUndecodableLog(counts, log);
  for (const room of ['r:den', 'r:den', 'r:attic']) add(room, new Error('no'));
  expect(counts.undecodable).toBe(3);
  expect(log.error).toHaveBeenCalledTimes(2);
});
