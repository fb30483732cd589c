import { expect, test } from 'vitest';
import { readNode } from '../src/registry.ts';

const node = { id: 'one', tier: 'push-server', host: '127.0.0.1', port: 8_000, weight: 1, load: 0, state: 'ready' };
const read = (change: object) => readNode(Buffer.from(JSON.stringify({ ...node, ...change })));

test('an announcement is read, also that of an earlier version, without a name and a machine', () => {
  expect(read({})).toEqual(node);
  expect(read({ name: 'web1-push-server-0', machine: 'web1/1', state: 'draining', weight: 0.5 })).toMatchObject({
    name: 'web1-push-server-0',
    weight: 0.5,
  });
});

test.each([
  [{ port: 70_000 }],
  [{ port: -1 }],
  [{ port: '8000' }],
  [{ host: 5 }],
  [{ host: 'h'.repeat(300) }],
  [{ name: {} }],
  [{ machine: 5 }],
  [{ weight: 'a lot' }],
  [{ weight: -1 }],
  [{ weight: 1e300 }],
  [{ weight: null }],
  [{ load: 'x' }],
  [{ state: 'odd' }],
])('an announcement that no push-server makes is none: %j', (change) => {
  expect(read(change)).toBeUndefined();
});
