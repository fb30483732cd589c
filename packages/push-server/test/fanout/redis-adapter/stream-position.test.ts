import { EventEmitter } from 'node:events';
import type { RedisClient } from '@gopush/store';
import { expect, test } from 'vitest';
import { followReplacements, isBefore } from '../../../src/fanout/redis-adapter/stream-position.ts';

test('ids of a stream are compared by their times, then by their numbers', () => {
  expect(isBefore('9-5', '10-0')).toBe(true);
  expect(isBefore('10-9', '10-10')).toBe(true);
  expect(isBefore('10-10', '10-10')).toBe(false);
  expect(isBefore('11-0', '10-10')).toBe(false);
});

test('a reader goes back to the last entry of a server that is behind, and on from there', async () => {
  const reader = new EventEmitter();
  let last = '100-0';
  const correct = followReplacements(reader as unknown as RedisClient, async () => last);
  reader.emit('ready');
  expect(await correct('100-0')).toBe('100-0');
  last = '90-0';
  expect(await correct('100-0')).toBe('100-0');
  reader.emit('ready');
  expect(await correct('100-0')).toBe('90-0');
  expect(await correct('100-0')).toBe('90-0');
  expect(await correct('91-0')).toBe('91-0');
});
