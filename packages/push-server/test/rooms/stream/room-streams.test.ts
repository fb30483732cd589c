import type { KeptMessage } from '@gopush/store';
import { expect, test, vi } from 'vitest';
import type { RoomStreamEvents } from '../../../src/rooms/stream/room-stream-events.ts';
import { RoomStreams } from '../../../src/rooms/stream/room-streams.ts';
import { MemoryHistory } from '../memory-history.ts';

function start(history = new MemoryHistory()) {
  let turn = 0;
  const delivered: number[] = [];
  const gaps: number[] = [];
  const cameBack: boolean[] = [];
  const unfollow = vi.fn();
  const events: RoomStreamEvents = {
    follow: async () => {},
    unfollow,
    turn: () => turn,
    deliver: (_members, { offset }) => void delivered.push(offset),
    undeliverable() {},
    gap: (_room, { offset }) => void gaps.push(offset),
    began() {},
    ended() {},
    failed() {},
    cameBack: (recovered) => void cameBack.push(recovered),
  };
  const streams = new RoomStreams(history.store, events);
  const live = (message: KeptMessage): void => streams.receive('r:den', 'e', message);
  const enter = async (id: string, from?: { epoch: string; offset: number } | 'start') => {
    let missed: number[] = [];
    const joined = await streams.join('r:den', id, from, (messages) => {
      missed = messages.map(({ offset }) => offset);
    });
    return { ...joined, missed };
  };
  return { streams, history, live, enter, delivered, gaps, cameBack, unfollow, nextTurn: () => void turn++ };
}

test('a member that comes from now on gets live messages, in order and once', async () => {
  const { history, live, enter, delivered, streams } = start();
  history.add();
  expect(await enter('one')).toEqual({ position: { epoch: 'e', offset: 1 }, recovered: undefined, missed: [] });
  const [two, three, four] = [history.add(), history.add(), history.add()];
  live(two);
  live(two);
  live(four);
  live(three);
  await expect.poll(() => delivered).toEqual([2, 3, 4]);
  expect(streams.position('r:den')).toEqual({ epoch: 'e', offset: 4 });
});

test('a member that comes back gets what it missed, or is told that the history does not reach back', async () => {
  const { history, enter, cameBack } = start();
  for (let at = 0; at < 5; at++) history.add();
  expect(await enter('one', { epoch: 'e', offset: 2 })).toMatchObject({ recovered: true, missed: [3, 4, 5] });
  expect(await enter('two', 'start')).toMatchObject({ recovered: true, missed: [1, 2, 3, 4, 5] });
  history.keep(2);
  expect(await enter('three', { epoch: 'e', offset: 2 })).toMatchObject({ recovered: false, missed: [] });
  expect(await enter('four', { epoch: 'another', offset: 2 })).toMatchObject({ recovered: false, missed: [] });
  expect(cameBack).toEqual([true, true, false, false]);
});

test('a member that leaves while its history is read does not enter', async () => {
  const { history, streams, enter, unfollow } = start();
  history.add();
  const entering = enter('one', 'start');
  streams.leave('r:den', 'one');
  expect(await entering).toEqual({ position: null, recovered: undefined, missed: [] });
  expect(unfollow).toHaveBeenCalledOnce();
  expect(streams.size).toBe(0);
});

test('a member keeps the turn in which it entered, and one that is entering has none', async () => {
  const { streams, enter, nextTurn } = start();
  await enter('one');
  nextTurn();
  await enter('two');
  await enter('one');
  await streams.open('r:den', 'three');
  expect(['one', 'two', 'three'].map((id) => streams.turnOf('r:den', id))).toEqual([0, 1, undefined]);
});

test('a message that was lost on the bus is read from the history', async () => {
  const { history, streams, enter, delivered } = start();
  history.add();
  await enter('one');
  history.add();
  streams.catchUp('bus');
  await expect.poll(() => delivered).toEqual([2]);
});

test('messages that the history has dropped are a gap', async () => {
  const { history, streams, enter, delivered, gaps } = start();
  history.add();
  await enter('one');
  for (let at = 0; at < 4; at++) history.add();
  history.keep(2);
  streams.heardOf('r:den', { epoch: 'e', offset: 5 });
  await expect.poll(() => delivered).toEqual([4, 5]);
  expect(gaps).toEqual([3]);
});
