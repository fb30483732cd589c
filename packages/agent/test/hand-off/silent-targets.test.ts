import { createTarget } from '@gopush/contract';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Handed } from '../../src/hand-off/handed-client.ts';
import { SilentTargets } from '../../src/hand-off/silent-targets.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Connections of one silent process, and what is done about it. */
function start() {
  const state = { isSure: false, isAnotherUp: true, mayBeKilled: true, throwing: '' };
  const mayThrow = (what: string): void => {
    if (state.throwing === what) throw new Error(what);
  };
  const taker = {};
  const done: string[] = [];
  const user = { member: { target: createTarget('127.0.0.1', 1) } };
  const connections = ['a', 'b'].map(
    (name) =>
      ({
        user,
        taker,
        isTakerSilentFor(ms: number) {
          mayThrow('is silent');
          return state.isSure && ms === 10_000;
        },
        killTaker() {
          mayThrow('kill');
          done.push(`${state.mayBeKilled ? 'killed' : 'not killed'} for ${name}`);
          return state.mayBeKilled;
        },
        name,
      }) as unknown as Handed & { readonly name: string },
  );
  const targets = new SilentTargets(10_000, {
    async isAnotherUp() {
      mayThrow('is another up');
      return state.isAnotherUp;
    },
    onGivenUp(_member, killed) {
      mayThrow('given up');
      done.push(`given up, ${killed} go on`);
    },
    onLost(handed) {
      const { name } = handed as (typeof connections)[number];
      mayThrow(`lost ${name}`);
      done.push(`lost ${name}`);
    },
    onFault: (error) => void done.push(String(error)),
  });
  for (const one of connections) targets.add(one);
  return { state, targets, connections, done };
}

test('a target that is not surely silent is left alone, however long that takes, and killed when it is', async () => {
  const { state, targets, connections, done } = start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).toEqual([]);
  state.isSure = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done).toEqual(['killed for a', 'killed for b', 'given up, 2 go on']);
  for (const one of connections) targets.remove(one);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).toHaveLength(3);
});

test('a target that is silent while no other one is up is left alone', async () => {
  const { state, done } = start();
  Object.assign(state, { isSure: true, isAnotherUp: false });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).toEqual([]);
});

test('a target that is heard while another one is looked for is left alone', async () => {
  const { state, targets, connections, done } = start();
  state.isSure = true;
  vi.advanceTimersByTime(1_000);
  for (const one of connections) targets.remove(one);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).toEqual([]);
});

test('a target that cannot be killed loses its connections', async () => {
  const { state, done } = start();
  Object.assign(state, { isSure: true, mayBeKilled: false });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(done).toEqual(['not killed for a', 'not killed for b', 'given up, 0 go on', 'lost a', 'lost b']);
});

test('a target that was killed and does not end in five seconds loses its connections', async () => {
  const { state, done } = start();
  state.isSure = true;
  await vi.advanceTimersByTimeAsync(5_900);
  expect(done.at(-1)).toBe('given up, 2 go on');
  await vi.advanceTimersByTimeAsync(200);
  expect(done.slice(-2)).toEqual(['lost a', 'lost b']);
});

test.each(['is silent', 'is another up', 'kill', 'given up'])(
  'a target is looked at again when a look has thrown: %s',
  async (throwing) => {
    const { state, targets, connections, done } = start();
    Object.assign(state, { isSure: true, throwing });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(done.filter((what) => what === `Error: ${throwing}`)).toHaveLength(2);
    done.length = 0;
    state.throwing = '';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).toEqual(['killed for a', 'killed for b', 'given up, 2 go on']);
    for (const one of connections) targets.remove(one);
  },
);

test('a target that ends while a look at it throws is not looked at again', async () => {
  const { state, targets, connections, done } = start();
  Object.assign(state, { isSure: true, throwing: 'is another up' });
  vi.advanceTimersByTime(1_000);
  for (const one of connections) targets.remove(one);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).toEqual(['Error: is another up']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a connection that cannot be given up without a fault keeps no other one', async () => {
  const { state, done } = start();
  Object.assign(state, { isSure: true, throwing: 'lost a' });
  await vi.advanceTimersByTimeAsync(6_100);
  expect(done.slice(-2)).toEqual(['Error: lost a', 'lost b']);
});
