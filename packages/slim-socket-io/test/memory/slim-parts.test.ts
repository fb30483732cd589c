import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createCompactor, unwrapped } from '../../src/memory/compact-listeners.ts';
import { smallIfEmpty } from '../../src/memory/empty-object.ts';
import { HandshakeRequest } from '../../src/memory/handshake-request.ts';
import { isEmptyList, roomForOne } from '../../src/memory/room-for-one.ts';
import { createShape } from '../../src/memory/shape.ts';
import { shareHeaders, shareUrl } from '../../src/memory/shared-headers.ts';
import { slimHandshake } from '../../src/memory/slim-handshake.ts';

test('an emitter with compact listeners calls, adds, removes and counts them as before', () => {
  const heard: string[] = [];
  const emitter = new EventEmitter();
  const first = (): void => void heard.push('first');
  emitter.on('a', first).on('a', () => heard.push('second'));
  emitter.once('b', () => heard.push('once'));
  createCompactor()(emitter);
  emitter.emit('a');
  emitter.emit('b');
  emitter.emit('b');
  emitter.off('a', first).on('toString', () => heard.push('inherited'));
  emitter.emit('a');
  emitter.emit('toString');
  expect(heard).toEqual(['first', 'second', 'once', 'second', 'inherited']);
  expect([emitter.listenerCount('a'), emitter.listenerCount('b')]).toEqual([1, 0]);
});

test('a compactor replaces listeners, and leaves what is no emitter alone', () => {
  const heard: string[] = [];
  const emitter = new EventEmitter();
  emitter.once('close', () => heard.push('close'));
  const compact = createCompactor();
  compact(emitter, (listener, event) => (event === 'close' ? unwrapped(listener) : listener));
  // Without the wrapper of `once` it is still there afterwards.
  emitter.emit('close');
  emitter.emit('close');
  expect(heard).toEqual(['close', 'close']);
  for (const other of [undefined, null, {}, { _events: { a: 1 } }]) expect(() => compact(other)).not.toThrow();
});

test('a list of listeners is copied without the room that V8 made for more, unless Node notes something in it', () => {
  const emitter = new EventEmitter();
  for (const event of ['a', 'b']) for (let count = 0; count < 3; count++) emitter.on(event, () => undefined);
  const lists = (emitter as unknown as { readonly _events: Record<string, unknown[]> })._events;
  const { a, b } = lists;
  // Node 24 always notes whether a list is being iterated.
  const isNoted = Object.getOwnPropertySymbols(a).length > 0;
  Object.assign(b as object, { [Symbol('emitting')]: 1 });
  createCompactor()(emitter);
  const { _events: compact } = emitter as unknown as { readonly _events: Record<string, unknown[]> };
  expect([compact.a === a, compact.b === b]).toEqual([isNoted, true]);
  expect([emitter.listenerCount('a'), emitter.listenerCount('b')]).toEqual([3, 3]);
});

test('a request of a handshake keeps what programs and middlewares ask of it, without its stream', () => {
  const socket = new Socket();
  const request = Object.assign(new IncomingMessage(socket), { _query: { EIO: '4' }, session: { user: 'ann' } });
  request.method = 'GET';
  request.url = '/socket.io/?EIO=4';
  request.headers = { host: 'a' };
  const kept = new HandshakeRequest(request);
  expect(kept).toMatchObject({ method: 'GET', url: request.url, _query: { EIO: '4' }, session: { user: 'ann' } });
  expect([kept.headers, kept.socket, kept.connection]).toEqual([request.headers, socket, socket]);
  const bare = Object.assign(new IncomingMessage(socket), { _query: Object.assign(Object.create(null), { EIO: '4' }) });
  const { _query: query } = new HandshakeRequest(bare) as unknown as { readonly _query: object };
  expect([Object.keys(query), 'toString' in query]).toEqual([['EIO'], false]);
  for (const dropped of ['rawHeaders', '_readableState', 'res']) expect(kept).not.toHaveProperty(dropped);
});

test('as many headers as a browser and an agent send take little memory', () => {
  const names = ['accept', 'cache-control', 'origin', 'pragma', 'user-agent'];
  for (let number = 0; number < 20; number++) names.push(`sec-fetch-${number}`);
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const kept: object[] = [];
  const keep = (count: number): void => {
    for (let at = 0; at < count; at++) {
      const request = new IncomingMessage(new Socket());
      request.headers = {};
      // As Node adds them.
      for (const name of names) request.headers[name] = `value of ${name}`;
      kept.push(new HandshakeRequest(request).headers);
    }
    gc();
  };
  keep(100);
  const before = process.memoryUsage().heapUsed;
  keep(2_000);
  expect((process.memoryUsage().heapUsed - before) / 2_000).toBeLessThan(600);
  expect(Object.keys(kept[0] as object)).toEqual(names);
});

test('headers that many clients send become one string, and no others are kept', () => {
  const value = (text: string): string => [...text].join('');
  const [one, other] = [
    { 'user-agent': value('Browser 1'), cookie: value('secret') },
    { 'user-agent': value('Browser 1'), 'set-cookie': ['a', 'b'], host: 'x'.repeat(1_000) },
  ];
  const before = structuredClone([one, other]);
  shareHeaders(one);
  shareHeaders(other);
  expect([one, other]).toEqual(before);
  for (const url of [
    undefined,
    '/socket.io/?EIO=4&transport=websocket',
    '/socket.io/?EIO=4&transport=websocket&user=ann',
  ])
    expect(shareUrl(url)).toBe(url);
});

test('an empty list has room for one and is empty', () => {
  const list = roomForOne();
  expect([list, list.length, isEmptyList(list)]).toEqual([[], 0, true]);
  list.push(1);
  expect([isEmptyList(list), isEmptyList('')]).toEqual([false, false]);
});

test('an empty object is like any other, and takes a place of three fields', () => {
  const object: Record<string, unknown> = smallIfEmpty({});
  expect([Object.getPrototypeOf(object), JSON.stringify(object), inspect(object)]).toEqual([
    Object.prototype,
    '{}',
    '{}',
  ]);
  object.a = 1;
  expect(object).toEqual({ a: 1 });
  for (const other of [object, [], null, 1, Object.freeze({}), Object.create(null), new Date()]) {
    expect(smallIfEmpty(other)).toBe(other);
  }
  expect(bytesOf(() => smallIfEmpty({}))).toBeLessThan(40);
});

test('a handshake has the same properties as before, and its time can be changed', () => {
  const issued = Date.now();
  const auth = { token: 'a' };
  const fields = { xdomain: false, secure: false, issued, url: '/', query: { EIO: '4' }, auth };
  const before = { headers: { host: 'a' }, time: `${new Date(issued)}`, address: '127.0.0.1', ...fields };
  const after = slimHandshake(before);
  expect(after).not.toBe(before);
  expect([JSON.stringify(after), { ...after }, inspect(after).length > 0]).toEqual([
    JSON.stringify(before),
    before,
    true,
  ]);
  expect([after.auth, after.headers, after.query]).toEqual([auth, before.headers, before.query]);
  after.time = 'now';
  expect([after.time, slimHandshake(before).time]).toEqual(['now', before.time]);
  const unknown = { ...before, more: 1 };
  expect(slimHandshake(unknown)).toBe(unknown);
  expect(bytesOf(() => slimHandshake({ ...before, issued: issued + 0.5 }))).toBeLessThan(120);
});

/** How much memory each of many objects takes, in bytes. */
function bytesOf(create: () => unknown): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const kept: unknown[] = new Array(40_000).fill(undefined);
  for (let at = 0; at < 20_000; at++) kept[at] = create();
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let at = 20_000; at < 40_000; at++) kept[at] = create();
  gc();
  return (process.memoryUsage().heapUsed - before) / 20_000;
}

test('objects of one shape inherit nothing', () => {
  const Shape = createShape<Record<string, unknown>>();
  const object = new Shape();
  expect(['toString' in object, '__proto__' in object]).toEqual([false, false]);
  object.name = 1;
  expect(Object.keys(object)).toEqual(['name']);
});
