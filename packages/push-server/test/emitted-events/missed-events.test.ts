import { expect, test } from 'vitest';
import type { EmittedRecord } from '../../src/emitted-events/emitted-record.ts';
import { missedByLost, missedByStranded, missedInMigration } from '../../src/emitted-events/missed-events.ts';

const session = { node: 'one', at: 5, isExact: true, tail: [], tailAfter: 0 };
const own = (count: number) => ({ count, place: { epoch: 'one', offset: count }, encoded: ['x'], compress: undefined });
const emitted: EmittedRecord = {
  streams: [
    ['a', 10],
    ['b', 20],
  ],
  doubtful: [
    ['a', 9, 101],
    ['b', 20, 103],
    ['a', 10, 104],
  ],
  own: [own(102), own(105)],
};

test('a client whose connection was lost has missed what was written after the last event that it had', () => {
  const missed = missedByLost(session, { emitted }, { epoch: 'b', offset: 20 });
  expect(missed?.after).toEqual(
    new Map([
      ['a', 9],
      ['b', 20],
    ]),
  );
  expect(missed?.own.map(({ count }) => count)).toEqual([105]);
  expect(missed?.counts).toEqual(
    new Map([
      ['a.9', 101],
      ['b.20', 103],
      ['a.10', 104],
    ]),
  );
  // The last one was for it alone.
  expect(missedByLost(session, { emitted }, { epoch: 'one', offset: 102 })?.after).toEqual(
    new Map([
      ['a', 9],
      ['b', 19],
    ]),
  );
});

test('nothing tells what a client has missed that had nothing of what was written, where older events are not kept', () => {
  expect(missedByLost(session, { emitted }, undefined)).toBeUndefined();
  expect(missedByLost(session, { emitted }, { epoch: 'old', offset: 1 })?.after).toEqual(
    new Map([
      ['a', 8],
      ['b', 19],
    ]),
  );
  expect(missedByLost(session, { emitted: { ...emitted, after: 100 } }, { epoch: 'old', offset: 1 })).toBeUndefined();
  expect(missedByLost(session, { emitted: { streams: [] } }, undefined)?.own).toEqual([]);
  expect(missedByLost(session, {}, { epoch: 'a', offset: 1 })).toBeUndefined();
});

test('a client whose session was taken stands where its agent has seen it, and else where it was saved', () => {
  const missed = missedInMigration(session, { emitted }, [{ epoch: 'a', offset: 12 }]);
  expect([missed?.after, missed?.sent]).toEqual([
    new Map([
      ['a', 12],
      ['b', 20],
    ]),
    new Map([
      ['a', 10],
      ['b', 20],
    ]),
  ]);
  expect(missedInMigration(session, {}, [])).toBeUndefined();
});

test('of a client whose node and agent died together only the stream of its last position is known', () => {
  const last = { epoch: 'a', offset: 12 };
  expect(missedByStranded({ ...session, isExact: false }, { emitted }, last)?.known).toBe('a');
  expect(missedByStranded({ ...session, isExact: false }, { emitted }, undefined)?.known).toBe('');
  expect(missedByStranded(session, { emitted }, last)?.known).toBeUndefined();
});
