import { expect, test } from 'vitest';
import { awaitOwners } from '../../src/hand-offs/await-owners.ts';
import { describeOwners, type Owners, sumOwners } from '../../src/hand-offs/owners.ts';

/** Reads what it is given, one after the other, and then the last for ever. */
function reading(...all: (Owners | undefined)[]) {
  const read = async () => {
    read.times++;
    return all.length > 1 ? all.shift() : all[0];
  };
  read.times = 0;
  return read;
}

const two = { one: 0, two: 5, waiting: 0 };

test('it is over when no connection has one owner and no client waits', async () => {
  const read = reading({ one: 3, two: 2, waiting: 0 }, { one: 0, two: 4, waiting: 1 }, undefined, two, {
    ...two,
    one: 1,
  });
  expect(await awaitOwners(read, { lookMs: 1, longestMs: 60_000 })).toBeUndefined();
  expect(read.times).toBe(4);
});

test('it ends after its longest time, and says what was read last', async () => {
  const read = reading({ one: 3, two: 2, waiting: 0 }, { one: 2, two: 3, waiting: 1 }, undefined);
  const left = await awaitOwners(read, { lookMs: 1, longestMs: 30 });
  expect(left).toEqual({ one: 2, two: 3, waiting: 1 });
  expect(describeOwners(left as Owners)).toBe(
    'connections that were handed over and have one owner: 2 of 5; clients that wait for a push-server: 1',
  );
});

test('a process that says nothing adds nothing', () => {
  expect(sumOwners([{ one: 1, two: 2, waiting: 0 }, undefined, { one: 0, two: 3, waiting: 4 }])).toEqual({
    one: 1,
    two: 5,
    waiting: 4,
  });
});
