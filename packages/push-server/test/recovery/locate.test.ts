import type { HistoryPage } from '@gopush/store';
import { expect, test } from 'vitest';
import { locate } from '../../src/recovery/locate.ts';
import { socketOf } from '../support/stored-session.ts';

const crashed = { isExact: false, node: 'one', count: 50 };
const at = (epoch: string, offset: number) => ({ epoch, offset });
const unknown = at('?', 0);

/** Histories of rooms by their times in seconds; the epoch of a room is its name. */
function historyOf(times: Record<string, readonly number[]>) {
  return {
    read: async (room: string, after: number): Promise<HistoryPage> => {
      const all = (times[room] ?? []).map((seconds, index) => ({
        offset: index + 1,
        at: seconds * 1_000,
        payload: Buffer.alloc(0),
      }));
      return {
        epoch: room,
        last: all.length,
        messages: all.filter(({ offset }) => offset > after),
      } as unknown as HistoryPage;
    },
  } as never;
}
const record = socketOf({
  positions: [
    ['a', at('a', 1)],
    ['b', at('b', 1)],
  ],
  reached: [
    ['a', at('a', 1)],
    ['b', at('b', 1)],
  ],
});

test('the last message tells the position in its room, and its time those in others', async () => {
  const history = historyOf({ a: [1, 10, 20], b: [1, 5, 15] });
  expect(await locate(crashed, record, at('a', 2), history)).toEqual(
    new Map([
      ['a', at('a', 2)],
      ['b', at('b', 2)],
    ]),
  );
});

test('of messages of two rooms at about the same time nothing tells which came first', async () => {
  const history = historyOf({ a: [1, 10], b: [1, 10.5] });
  expect((await locate(crashed, record, at('a', 2), history)).get('b')).toEqual(unknown);
});

test('without a last message a client stands where it stood, if nothing was published since', async () => {
  expect(await locate(crashed, record, undefined, historyOf({ a: [1], b: [1, 2] }))).toEqual(
    new Map([
      ['a', at('a', 1)],
      ['b', unknown],
    ]),
  );
  // It had the last delivery before its session was saved.
  expect((await locate(crashed, record, at('one', 50), historyOf({ a: [1], b: [1, 2] }))).get('b')).toEqual(at('b', 1));
});

test('a room that has begun anew, or has no history, keeps the position of before', async () => {
  const history = { read: async () => ({ epoch: undefined, messages: [] }) } as never;
  expect((await locate(crashed, record, at('a', 2), history)).get('a')).toEqual(at('a', 1));
});
