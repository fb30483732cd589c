import { expect, test } from 'vitest';
import { chooseKeep } from '../../../src/rooms/when-store-is-down/choose-keep.ts';

test.each([
  ['must', true, true, 'keep'],
  ['must', true, false, 'keep'],
  ['must', false, true, 'refuse'],
  ['try', true, true, 'keep'],
  ['try', true, false, 'miss'],
  ['try', false, true, 'send'],
  ['try', false, false, 'send'],
  ['no', true, true, 'send'],
  ['no', false, false, 'send'],
] as const)('keep %s, with a history: %s, with a store: %s, is %s', (keep, keepsHistory, isStoreUp, choice) => {
  expect(chooseKeep(keep, keepsHistory, isStoreUp)).toBe(choice);
});
