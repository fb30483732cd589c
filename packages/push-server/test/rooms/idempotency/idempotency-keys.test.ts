import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeliveredKeys } from '../../../src/rooms/idempotency/delivered-keys.ts';
import { idempotencyKeyOf, publisherIdOf } from '../../../src/rooms/idempotency/idempotency-key.ts';
import { ReceivedKeys } from '../../../src/rooms/idempotency/received-keys.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the same id of another user is another key, and the publisher gets back its own id', () => {
  expect(idempotencyKeyOf('1', 'ann')).not.toBe(idempotencyKeyOf('1', 'bob'));
  expect(idempotencyKeyOf('1', 'ann')).toBe(idempotencyKeyOf('1', 'ann'));
  expect(publisherIdOf(idempotencyKeyOf('1', 'ann'))).toBe('1');
  expect(publisherIdOf('of a program')).toBe('of a program');
});

test('a key keeps the turn in which it was first delivered, for each room, until it may be used anew', () => {
  const keys = new DeliveredKeys(1_000);
  expect(keys.add('den', 'k')).toBeUndefined();
  expect(keys.add('attic', 'k')).toBeUndefined();
  expect(keys.add('den', 'k')).toBe(1);
  expect([keys.turn, keys.turnOf('den', 'k'), keys.turnOf('attic', 'k')]).toEqual([2, 1, 2]);
  vi.advanceTimersByTime(1_000);
  expect(keys.turnOf('den', 'k')).toBeUndefined();
  expect(keys.add('den', 'k')).toBeUndefined();
  expect(keys.turnOf('den', 'k')).toBe(3);
});

test('what a member received unkept is what was delivered after it entered, also once it is kept', () => {
  const keys = new DeliveredKeys(1_000);
  let count = 0;
  const add = (id: string): number | undefined => keys.addUnkept('den', id, () => ++count);
  add('before');
  const entered = keys.turn;
  expect(add('after')).toBeUndefined();
  expect(add('after')).toBe(2);
  keys.add('den', 'kept only');
  expect(keys.unkeptSince('den', entered)).toMatchObject([{ id: 'after', count: 2 }]);
  keys.add('den', 'after');
  expect(keys.unkeptSince('den', entered)).toHaveLength(1);
  expect(keys.unkeptSince('attic', 0)).toEqual([]);
  vi.advanceTimersByTime(1_000);
  keys.add('den', 'new');
  expect(keys.unkeptSince('den', 0)).toEqual([]);
});

test('keys take no more memory than 16 MiB: the oldest are forgotten', () => {
  const keys = new DeliveredKeys(1_000_000);
  const long = 'x'.repeat(100_000);
  for (let at = 0; at < 100; at++) keys.add('den', `${at}${long}`);
  expect(keys.turnOf('den', `0${long}`)).toBeUndefined();
  expect(keys.turnOf('den', `99${long}`)).toBe(100);
});

test('clients that received a message elsewhere are known until their sockets end', () => {
  const keys = new ReceivedKeys();
  keys.add('one', [
    ['den', 'k', 5],
    ['attic', 'k', 6],
  ]);
  keys.add('two', [['den', 'k', 1]]);
  expect([...keys.receiversOf('den', 'k')]).toEqual(['one', 'two']);
  expect([...keys.receiversOf('den', undefined)]).toEqual([]);
  expect(keys.of('one')).toEqual([
    ['den', 'k', 0],
    ['attic', 'k', 0],
  ]);
  keys.remove('one');
  expect([...keys.receiversOf('den', 'k')]).toEqual(['two']);
  expect([...keys.receiversOf('attic', 'k')]).toEqual([]);
  expect(keys.of('one')).toEqual([]);
});
