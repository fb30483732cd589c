import { expect, test } from 'vitest';
import type { Emitted } from '../../src/emitted-events/event-log.ts';
import { recordLost } from '../../src/emitted-events/lost-record.ts';

function event(epoch: string, count: number, text = 'x'): Emitted {
  const place = { epoch, offset: count };
  return { namespace: '/', rooms: [], except: [], place, count, at: 0, encoded: [text], compress: undefined };
}
const none = { many: [], ofOne: [], isHereOnly: (stream: string) => stream === 'local', forgotten: 0 };
const bounds = { clientCount: 3, clientBytes: 400 };

test('of events that other nodes have the place is stored, and the others as a whole, in order', () => {
  const many = [event('all', 4), event('local', 3), event('all', 1)];
  const record = recordLost({ ...none, many, ofOne: [event('one', 2)] }, bounds);
  expect(record.doubtful).toEqual([
    ['all', 1, 1],
    ['all', 4, 4],
  ]);
  expect(record.own?.map(({ count, encoded }) => [count, encoded])).toEqual([
    [2, ['x']],
    [3, ['x']],
  ]);
  expect(record.after).toBeUndefined();
});

test('where there are too many the oldest are left out of both', () => {
  const many = [1, 3, 5, 6].map((count) => event('all', count));
  const record = recordLost({ ...none, many, ofOne: [event('one', 1), event('one', 2), event('one', 4)] }, bounds);
  expect(record).toMatchObject({
    after: 1,
    doubtful: [
      ['all', 3, 3],
      ['all', 5, 5],
      ['all', 6, 6],
    ],
  });
  expect(record.own?.map(({ count }) => count)).toEqual([2, 4]);
});

test('of the events that are stored as a whole a quarter of the bytes is kept', () => {
  const ofOne = [1, 2, 3].map((count) => event('one', count, 'x'.repeat(40)));
  const record = recordLost({ ...none, ofOne }, bounds);
  expect([record.after, record.own?.map(({ count }) => count)]).toEqual([1, [2, 3]]);
});

test('what came before an event that is not kept any more is left out', () => {
  const record = recordLost({ ...none, many: [event('all', 1), event('all', 3)], forgotten: 2 }, bounds);
  expect(record).toMatchObject({ after: 2, doubtful: [['all', 3, 3]], own: [] });
});
