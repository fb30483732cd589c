import { expect, test } from 'vitest';
import { outcomeOfLoss } from '../../../src/migration/crash/session-cut-or-survives.ts';

const loss = { isClosing: false, isClientGone: false, isWebSocket: true, isWhole: true };

test.each([
  ['between two events', {}, 'survives'],
  ['within a frame', { isWhole: false }, 'cut'],
  ['after a close frame', { isClosing: true }, 'ends'],
  ['after the client', { isClientGone: true }, 'ends'],
  ['after something that is not WebSocket', { isWebSocket: false }, 'ends'],
  ['after a close frame, within another one', { isClosing: true, isWhole: false }, 'ends'],
])('a session whose target is lost %s', (_when, change, outcome) => {
  expect(outcomeOfLoss({ ...loss, ...change })).toBe(outcome);
});
