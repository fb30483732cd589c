import { expect, test } from 'vitest';
import { EarlyMessages } from '../../../src/rooms/stream/early-messages.ts';

const messageAt = (offset: number) => ({ offset, at: 0, payload: Buffer.alloc(0) });

test('a message is taken once, by its offset', () => {
  const early = new EarlyMessages();
  early.add(messageAt(5));
  expect(early.take(4)).toBeUndefined();
  expect(early.take(5)?.offset).toBe(5);
  expect(early.take(5)).toBeUndefined();
});

test('a range is complete only where each message of it has come', () => {
  const early = new EarlyMessages();
  expect(early.hasAll(3, 3)).toBe(true);
  expect(early.hasAll(3, 4)).toBe(false);
  early.add(messageAt(3));
  early.add(messageAt(5));
  expect(early.hasAll(3, 4)).toBe(true);
  expect(early.hasAll(3, 6)).toBe(false);
  early.add(messageAt(4));
  expect(early.hasAll(3, 6)).toBe(true);
});

test('what members have by now is dropped', () => {
  const early = new EarlyMessages();
  for (const offset of [3, 4, 5]) early.add(messageAt(offset));
  early.dropUpTo(4);
  expect([3, 4, 5].map((offset) => early.take(offset)?.offset)).toEqual([undefined, undefined, 5]);
});

test('no more than 1,000 are held', () => {
  const early = new EarlyMessages();
  for (let offset = 1; offset <= 1_001; offset++) early.add(messageAt(offset));
  expect(early.take(1_000)).toBeDefined();
  expect(early.take(1_001)).toBeUndefined();
});
