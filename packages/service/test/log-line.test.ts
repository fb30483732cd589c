import { expect, test } from 'vitest';
import { createLoggerTo } from '../src/logger.ts';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function errorWith(properties: PropertyDescriptorMap): Error {
  return Object.defineProperties(new Error('it failed'), properties);
}

const throws = {
  get() {
    throw new Error('it cannot be read');
  },
  enumerable: true,
};

/** Anything may be thrown by a hook, and is logged. */
test.each([
  [
    'an error whose name and code are symbols',
    errorWith({ name: { value: Symbol('n') }, code: { value: Symbol('c') } }),
  ],
  ['an error with a property that throws', errorWith({ details: throws })],
  ['an error whose stack throws', errorWith({ stack: throws })],
  ['a proxy that is revoked', revoked()],
  ['a proxy that hides what it is', new Proxy({}, { getPrototypeOf: throws.get, ownKeys: throws.get })],
  ['an object without a prototype that JSON cannot have', Object.assign(Object.create(null), { count: 1n })],
  ['a symbol', Symbol('s')],
])('a line is written whatever was thrown: %s', (_what, err) => {
  const lines: string[] = [];
  const log = createLoggerTo({ write: (line) => void lines.push(line) }, {});
  log.error({ err, code: 'hook_threw' }, 'a hook failed');
  log.warn({ err, more: { err } }, 'a hook failed');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { code: 'hook_threw', msg: 'a hook failed' },
    { msg: 'a hook failed' },
  ]);
});
