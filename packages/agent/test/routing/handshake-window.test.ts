import { expect, test } from 'vitest';
import { HandshakeWindow } from '../../src/route/handshake-window.ts';

/** Asks until there is no room, with an hour as the most. @returns what was asked */
function fill(window: HandshakeWindow, now: number, most = 1_000): { readonly at: number }[] {
  const asked = [];
  while (asked.length < most && !window.isFull(now)) asked.push(window.enter(now));
  return asked;
}

test('a target that never said it has too much to do is asked as much as there is', () => {
  const window = new HandshakeWindow();
  const asked = fill(window, 0);
  expect(asked).toHaveLength(1_000);
  for (const entry of asked) window.leave(entry, 'other', 5_000);
  expect(window.isFull(5_000)).toBe(false);
});

test('one that says so is asked half as much, once for all answers that were on their way, and never nothing', () => {
  const window = new HandshakeWindow();
  const first = fill(window, 0, 64);
  for (const entry of first) window.leave(entry, 'overloaded', 10);
  const sizes = [];
  for (let now = 200; now < 2_000; now += 200) {
    const asked = fill(window, now);
    sizes.push(asked.length);
    for (const entry of asked) window.leave(entry, 'overloaded', now + 1);
  }
  expect(sizes.slice(0, 4)).toEqual([32, 16, 8, 4]);
  expect(sizes.at(-1)).toBe(4);
});

test('with each that succeeds it is asked more, until there is no bound again', () => {
  const window = new HandshakeWindow();
  for (const entry of fill(window, 0, 16)) window.leave(entry, 'overloaded', 10);
  let before = 0;
  for (let now = 200; now < 100_000_000; now += 200) {
    const asked = fill(window, now);
    if (asked.length === 1_000) return;
    expect(asked.length).toBeGreaterThanOrEqual(before);
    before = asked.length;
    for (const entry of asked) window.leave(entry, 'tunnel', now + 1);
  }
  expect.unreachable('the bound stays');
});

test('handshakes that nobody answers make room for others after a second', () => {
  const window = new HandshakeWindow();
  for (const entry of fill(window, 0, 8)) window.leave(entry, 'overloaded', 10);
  expect(fill(window, 1_000)).toHaveLength(4);
  expect(window.isFull(1_900)).toBe(true);
  expect(fill(window, 2_000)).toHaveLength(4);
  expect(window.isFull(2_500)).toBe(true);
  expect(window.isFull(3_000)).toBe(false);
});
