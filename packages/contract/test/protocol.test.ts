import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';
import {
  defineAgent,
  defineAgentApp,
  defineOnUpgrade,
  defineRouter,
  failures,
  type HookRequest,
  type Hooks,
  parseProduct,
  parseRoomMessage,
  parseRooms,
  parseTargets,
} from '../src/index.ts';

test('targets are flattened: each port of each server is one choice', () => {
  expect(
    parseTargets([
      { ip: 'a', ports: [1, '2'] },
      { ip: '::1', port: 3, weight: 2 },
    ]),
  ).toEqual({
    kind: 'list',
    targets: [
      { host: 'a', port: 1, weight: 1, name: 'a:1', authority: 'a:1' },
      { host: 'a', port: 2, weight: 1, name: 'a:2', authority: 'a:2' },
      { host: '::1', port: 3, weight: 2, name: '[::1]:3', authority: '[::1]:3' },
    ],
  });
  expect(parseTargets('push-server')).toEqual({ kind: 'built-in' });
  expect(parseTargets({ dns: 'chat.internal', port: '80' })).toEqual({
    kind: 'dns',
    name: 'chat.internal',
    port: 80,
    options: {},
  });
  expect(parseTargets({ srv: '_push._tcp.internal' })).toEqual({
    kind: 'srv',
    name: '_push._tcp.internal',
    options: {},
  });
});

test.each([
  [{ targets: { ip: 'a', port: 1 }, choose: 'best' }, /choose: found best, wanted one of hash/],
  [
    { targets: { ip: 'a', port: 1 }, chose: 'hash' },
    /chose: found an unknown key, wanted one of targets, choose, .*did you mean choose\?/,
  ],
  [{ targets: { ip: 'a', port: 1 }, holdMs: 0.5 }, /holdMs: found 0.5, wanted whole milliseconds/],
  [{ targets: { ip: 'a', port: 1 }, check: 'ping' }, /check: found ping/],
  [{ targets: { ip: 'a' } }, /targets: port of a/],
  [{ targets: { dns: 'a' } }, /targets: port of a/],
])('a product that is %j is said to be wrong', (entry, message) => {
  expect(parseProduct(entry)).toMatch(message);
});

test('a product may have settings of its own', () => {
  const targets = () => null;
  expect(parseProduct({ targets, choose: 'random-of-two', check: '/readyz', holdMs: 0 })).toEqual({
    source: undefined,
    hook: targets,
    options: { choose: 'random-of-two', check: '/readyz', holdMs: 0 },
  });
});

test.each([
  ['text', 'there'],
  ['a number', 5],
  ['no ip', { port: 1 }],
  ['an ip with a slash', { ip: 'a/b', port: 1 }],
  ['no port', { ip: 'a' }],
  ['port 0', { ip: 'a', port: 0 }],
  ['port NaN', { ip: 'a', port: Number.NaN }],
  ['a port with letters', { ip: 'a', port: '80a' }],
  ['a negative weight', { ip: 'a', port: 1, weight: -1 }],
  ['holes', new Array(3)],
])('targets that are %s are said to be wrong', (_name, input) => {
  expect(typeof parseTargets(input)).toBe('string');
});

test('no payload of a client throws', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (payload) => {
      for (const parsed of [parseRoomMessage(payload), parseRooms(payload)]) {
        if (!parsed.ok) expect(['payload_invalid', 'room_invalid', 'event_invalid']).toContain(parsed.failure.code);
      }
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  [{ room: '' }, 'room_invalid'],
  [{ room: 5 }, 'room_invalid'],
  [{ room: 'x'.repeat(257) }, 'room_invalid'],
  [{ room: 'a\nb' }, 'room_invalid'],
  [{ room: 'a', event: 'disconnect' }, 'event_invalid'],
  [{ room: 'a', event: 'go:push' }, 'event_invalid'],
  [{ room: 'a', event: 5 }, 'event_invalid'],
  [{ room: 'a', noBroadcast: 'yes' }, 'payload_invalid'],
  [undefined, 'payload_invalid'],
  [['a'], 'payload_invalid'],
])('room payload %j is %s', (payload, code) => {
  expect(parseRoomMessage(payload)).toMatchObject({ ok: false, failure: { code } });
});

test('the failure table: stable codes, real statuses, one or two sentences each', () => {
  for (const [code, { http, upgrade, message }] of Object.entries(failures)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(http).toBeGreaterThanOrEqual(400);
    expect(upgrade).toBeGreaterThanOrEqual(400);
    expect(Math.max(http, upgrade)).toBeLessThan(600);
    expect(message).toMatch(/^[A-Z](?!.*\. .*\. ).*\.$/);
  }
});

test('hooks have full types without annotations', () => {
  defineAgent((request) => {
    expectTypeOf(request).toEqualTypeOf<HookRequest>();
    return request.cookies.uid;
  });
  const hooks: Hooks = {
    agent: (request) => {
      expectTypeOf(request).toEqualTypeOf<HookRequest>();
      return request.query.user;
    },
  };
  expectTypeOf(hooks.agent).not.toBeAny();
  expectTypeOf(defineAgentApp((app) => void app.use)).toMatchTypeOf<NonNullable<Hooks['agent']>>();
  defineOnUpgrade(async (request) => request.query.user);
  const router = defineRouter({
    default: 'push-server',
    chat: [{ ip: 'a', ports: [1] }],
    game: async (request, uid) => {
      expectTypeOf(request).toEqualTypeOf<HookRequest>();
      expectTypeOf(uid).toEqualTypeOf<string>();
      return { ip: 'a', port: 1 };
    },
  });
  expectTypeOf(router.default).toEqualTypeOf<'push-server'>();
});
