import { stopClientPing } from '@gopush/contract';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StopRequests } from '../../../src/migration/give/stop-requests.ts';
import { follow } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** How long an agent that says after some time that its client has stopped is waited for, in milliseconds. */
async function waitedFor(stops: StopRequests, ms: number, mostMs = 1_000): Promise<number> {
  const { followed, fake } = follow(['a']);
  const begun = performance.now();
  let waited = -1;
  void stops.ask(followed, mostMs).then(() => {
    waited = performance.now() - begun;
  });
  expect(fake.webSocket.pings).toEqual([stopClientPing]);
  setTimeout(() => followed.tellStopped(), ms);
  await vi.advanceTimersByTimeAsync(Math.max(ms, 1_000));
  return waited;
}

test('an agent is waited for at first as long as is usual, and at most as long as its session may occupy a slot', async () => {
  expect(await waitedFor(new StopRequests(), 10)).toBe(10);
  expect(await waitedFor(new StopRequests(), 500)).toBe(25);
  expect(await waitedFor(new StopRequests(), 500, 5)).toBe(5);
});

test('agents that are quick are waited for less, and slow ones longer, up to a bound', async () => {
  const quick = new StopRequests();
  for (let times = 0; times < 30; times++) await waitedFor(quick, 1);
  expect(await waitedFor(quick, 500)).toBeLessThan(10);
  const slow = new StopRequests();
  for (let times = 0; times < 30; times++) await waitedFor(slow, 24);
  expect(await waitedFor(slow, 500)).toBe(50);
});

test('a connection that closes is not waited for', async () => {
  const { followed, fake } = follow(['a']);
  const asked = new StopRequests().ask(followed, 1_000);
  fake.close();
  followed.tellClosed();
  await asked;
  expect(vi.getTimerCount()).toBe(0);
});
