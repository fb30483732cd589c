import type { PresenceStore } from '@gopush/store';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NodePresence } from '../../../src/rooms/presence/node-presence.ts';
import { OrderedWrites } from '../../../src/rooms/presence/ordered-writes.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const leaseMs = 9_000;
const graceMs = 2_000;

async function start() {
  const calls: string[] = [];
  const state = { isAway: false, lease: 'renewed' as 'renewed' | 'begun' };
  const told: string[] = [];
  const call = <T>(name: string, result: T): Promise<T> => {
    if (state.isAway) return Promise.reject(new Error('the store is away'));
    calls.push(name);
    return Promise.resolve(result);
  };
  const presence = {
    beat: () => call('beat', state.lease),
    sweep: () => call('sweep', { rooms: [], users: [] }),
    enter: (_node: string, { socket }: { socket: string }) => call(`enter ${socket}`, { first: true }),
    leave: (_node: string, socket: string) => call(`leave ${socket}`, { last: true, uid: 'ann' }),
    joinRoom: (_node: string, room: string, _uid: string, socket: string) =>
      call(`join ${socket} ${room}`, { first: true, occupied: true }),
    leaveRoom: (_node: string, room: string, socket: string) =>
      call(`part ${socket} ${room}`, { last: true, uid: 'ann', emptied: true }),
  } as unknown as PresenceStore;
  const log = { debug() {}, info() {}, warn: vi.fn(), error: vi.fn() };
  const node = new NodePresence({
    presence,
    node: 'this node',
    leaseMs,
    graceMs,
    onChange: (room, uid, change) => void told.push(`${uid} ${change} ${room}`),
    onUser: (uid, change) => void told.push(`${uid} ${change}`),
    onRoom: (room, _uid, change) => void told.push(`${room} ${change}`),
    onRestored: () => void told.push('restored'),
    log,
  });
  await vi.advanceTimersByTimeAsync(0);
  return { node, calls, told, state, log };
}

/** @returns what was called since, without the lease */
const since = (calls: string[]): string[] => calls.splice(0).filter((name) => name !== 'beat' && name !== 'sweep');

test('who comes, enters rooms and leaves them is written in that order, and told', async () => {
  const { node, calls, told } = await start();
  await node.entered('one', 'ann');
  node.joined('one', 'ann', 'den');
  node.joined('one', 'ann', 'den');
  node.left('one', 'den');
  node.left('one', 'never entered');
  await vi.advanceTimersByTimeAsync(0);
  expect(since(calls)).toEqual(['enter one', 'join one den', 'part one den']);
  expect(told).toEqual(['ann connected', 'ann joined den', 'den occupied', 'ann left den', 'den emptied']);
});

test('a connection that ended counts until the grace is over, and not at all where it comes back', async () => {
  const { node, calls } = await start();
  await node.entered('one', 'ann');
  node.gone('one', ['den']);
  await vi.advanceTimersByTimeAsync(graceMs - 1);
  await node.entered('one', 'ann');
  await vi.advanceTimersByTimeAsync(graceMs);
  expect(since(calls)).toEqual(['enter one', 'enter one']);
  node.gone('one', ['den']);
  await vi.advanceTimersByTimeAsync(graceMs);
  expect(since(calls)).toEqual(['part one den', 'leave one']);
});

test('the connection of a migrated session counts for a minute, or a second once another node has it', async () => {
  const { node, calls } = await start();
  await node.entered('one', 'ann');
  await node.entered('two', 'ann');
  since(calls);
  node.migrated('one', []);
  node.migrated('two', []);
  await vi.advanceTimersByTimeAsync(10_000);
  node.taken('one');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(since(calls)).toEqual(['leave one']);
  await vi.advanceTimersByTimeAsync(49_000);
  expect(since(calls)).toEqual(['leave two']);
});

test('what the store did not get is written again with the next beat, and the failure is logged once', async () => {
  const { node, calls, told, state, log } = await start();
  state.isAway = true;
  await node.entered('one', 'ann');
  node.joined('one', 'ann', 'den');
  await vi.advanceTimersByTimeAsync(leaseMs);
  expect(log.warn).toHaveBeenCalledOnce();
  state.isAway = false;
  node.storeIsBack();
  await vi.advanceTimersByTimeAsync(0);
  expect(since(calls)).toEqual(['enter one', 'join one den']);
  expect(told).toContain('restored');
});

test('a lease that begins anew means that the store has forgotten: everything is written again', async () => {
  const { node, calls, state } = await start();
  await node.entered('one', 'ann');
  since(calls);
  state.lease = 'begun';
  await vi.advanceTimersByTimeAsync(leaseMs / 3);
  expect(since(calls)).toEqual(['enter one']);
});

test('after the close nothing is written, and nothing is logged', async () => {
  const { node, calls, state, log } = await start();
  await node.entered('one', 'ann');
  await node.close();
  since(calls);
  node.gone('one', ['den']);
  state.isAway = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls).toEqual([]);
  expect(log.warn).not.toHaveBeenCalled();
});

test('writes of one connection wait for each other, also after one failed, and others do not wait', async () => {
  const onError = vi.fn();
  const writes = new OrderedWrites(onError);
  const done: string[] = [];
  let release = (): void => {};
  void writes.add('one', () => new Promise((resolve) => (release = resolve)));
  void writes.add('one', async () => {
    done.push('one');
    throw new Error('no');
  });
  const last = writes.add('one', async () => void done.push('one again'));
  await writes.add('two', async () => void done.push('two'));
  expect(done).toEqual(['two']);
  release();
  await last;
  expect(done).toEqual(['two', 'one', 'one again']);
  expect(onError).toHaveBeenCalledOnce();
});
