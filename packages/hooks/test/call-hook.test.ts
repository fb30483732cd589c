import { expect, test } from 'vitest';
import { callHook, describeThrown } from '../src/index.ts';

const fault = new Error('it cannot be read');
const throws = {
  get() {
    throw fault;
  },
};

test.each([
  ['an object whose `then` throws', () => Object.defineProperty({}, 'then', throws)],
  ['a proxy that throws', () => new Proxy({}, throws)],
  ['a promise whose constructor throws', () => Object.defineProperty(Promise.resolve(1), 'constructor', throws)],
])('what a hook returns fails the call of the hook and nothing else: %s', async (_what, hook) => {
  const outcome = await callHook<unknown>(hook, 1_000);
  expect(['threw', 'rejected', 'returned']).toContain(outcome.ended);
});

test('a thenable that throws when it is asked the second time rejects', async () => {
  let asked = 0;
  const thenable = Object.defineProperty({}, 'then', {
    get() {
      if (++asked > 1) throw fault;
      return () => {};
    },
  });
  expect(await callHook(() => thenable as never, 1_000)).toEqual({ ended: 'rejected', cause: fault });
});

test('whatever a hook throws can be described', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const thrown of [proxy, Object.create(null), Symbol('s'), undefined]) {
    expect(typeof describeThrown(thrown)).toBe('string');
  }
});
