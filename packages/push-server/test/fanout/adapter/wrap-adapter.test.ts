import type { Adapter } from 'socket.io-adapter';
import { expect, test, vi } from 'vitest';
import type { AdapterFactory } from '../../../src/fanout/adapter/adapter-factory.ts';
import { wrapAdapter } from '../../../src/fanout/adapter/wrap-adapter.ts';

type Ack = (error: Error | null, responses?: unknown[]) => void;

/** An adapter that notes what it does. */
class FakeAdapter {
  readonly nsp = { name: '/' };
  readonly done: unknown[] = [];
  servers = 3;
  publish: () => Promise<unknown> = async () => '';

  async broadcast(_packet: object, options: { flags?: { local?: boolean } }): Promise<void> {
    this.done.push(['broadcast', options.flags?.local === true]);
    if (options.flags?.local !== true) await this.publishAndReturnOffset({});
  }

  addSockets(): void {}
  delSockets(): void {}
  disconnectSockets(): void {}

  async publishAndReturnOffset(message: object): Promise<unknown> {
    this.done.push(['publish', message]);
    return this.doPublish();
  }

  doPublish(): Promise<unknown> {
    return this.publish();
  }

  serverSideEmit([, ack]: [string, Ack]): void {
    ack(new Error('timeout'), ['one']);
  }

  async serverCount(): Promise<number> {
    return this.servers;
  }
}

function wrap({ isJoined = (): boolean => true } = {}) {
  const log = { debug() {}, info() {}, warn: vi.fn(), error: vi.fn() };
  const inner = new FakeAdapter();
  const create = (() => inner) as unknown as AdapterFactory;
  const Wrapped = wrapAdapter(create, isJoined, log) as unknown as new (namespace: object) => Adapter;
  return { adapter: new Wrapped({}), inner, log };
}

const toDen = { rooms: new Set(['den']), except: new Set<string>(), flags: {} };

test('clients of this node get an event before the call returns, and other nodes are told', () => {
  const { adapter, inner } = wrap();
  adapter.broadcast({ data: ['news'] }, toDen);
  expect(inner.done).toEqual([
    ['publish', { type: expect.any(Number), data: { packet: { data: ['news'] }, opts: expect.anything() } }],
    ['broadcast', true],
  ]);
});

test('an event for this node alone is not told to others', () => {
  const { adapter, inner } = wrap();
  adapter.broadcast({}, { ...toDen, flags: { local: true } });
  expect(inner.done).toEqual([['broadcast', true]]);
});

test('changes that other nodes may have missed are logged, once for each time in which they are not reached', () => {
  let isJoined = false;
  const { adapter, log } = wrap({ isJoined: () => isJoined });
  const changes = [
    () => adapter.addSockets(toDen, ['room']),
    () => adapter.delSockets(toDen, ['room']),
    () => adapter.disconnectSockets(toDen, true),
  ];
  for (const [index, change] of changes.entries()) {
    isJoined = false;
    change();
    change();
    expect(log.warn).toHaveBeenCalledTimes(index + 1);
    isJoined = true;
    change();
  }
  isJoined = false;
  adapter.addSockets({ ...toDen, flags: { local: true } }, ['room']);
  expect(log.warn.mock.calls.map(([fields]) => fields)).toEqual(
    ['socketsJoin', 'socketsLeave', 'disconnectSockets'].map((call) => ({ namespace: '/', call })),
  );
});

test('what cannot be written for others is logged, and rejects nothing that nobody looks at', async () => {
  const { adapter, inner, log } = wrap();
  inner.publish = () => {
    throw new Error('a function cannot be cloned');
  };
  const unhandled = vi.fn();
  process.once('unhandledRejection', unhandled);
  adapter.broadcast({}, toDen);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  expect(log.error).toHaveBeenCalledOnce();
  expect(unhandled).not.toHaveBeenCalled();
});

test('an ack of all push-servers that are there is a success, although one left', async () => {
  const { adapter, inner } = wrap();
  const ask = (): Promise<unknown[]> =>
    new Promise((resolve) => adapter.serverSideEmit(['ask', (...args: unknown[]) => resolve(args)]));
  const [error] = await ask();
  expect(error).toBeInstanceOf(Error);
  inner.servers = 2;
  expect(await ask()).toEqual([null, ['one']]);
});
