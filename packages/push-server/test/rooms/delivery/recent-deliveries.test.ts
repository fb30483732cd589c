import type { Position } from '@gopush/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Delivery, RecentDeliveries } from '../../../src/rooms/delivery/recent-deliveries.ts';

const capacity = 8_192;
const maxTail = 1_000;

/** What {@link RecentDeliveries.since} says, found by a walk through everything. */
function walk(
  given: readonly (readonly [Delivery, number])[],
  time: number,
  joined: ReadonlyMap<string, Position | null>,
) {
  const remembered = given.slice(-capacity);
  const forgotten = given.length > capacity && (remembered[0] as readonly [Delivery, number])[1] >= time;
  const all = remembered.flatMap(([delivery, at]) => {
    const began = joined.get(delivery.room);
    const isOlder = began?.epoch === delivery.position.epoch && delivery.position.offset <= (began?.offset ?? 0);
    return at < time || began === undefined || isOlder ? [] : [delivery];
  });
  const after = Math.max(
    forgotten ? (remembered[0] as readonly [Delivery, number])[0].count - 1 : 0,
    all.length > maxTail ? (all.at(-maxTail - 1) as Delivery).count : 0,
  );
  return { tail: all.slice(-maxTail).filter(({ count }) => count > after), tailAfter: after };
}

test('what a lost connection may have missed is the same as by a walk through all deliveries', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.nat(9), fc.option(fc.nat(800))), { maxLength: 8 }),
      fc.nat(20_000),
      (count, rooms, joins, since) => {
        const recent = new RecentDeliveries();
        const given: (readonly [Delivery, number])[] = [];
        for (let index = 0; index < count; index++) {
          const room = `r${(index * 7_919) % rooms}`;
          const position = { epoch: 'e', offset: Math.floor(index / rooms) + 1 };
          recent.add(room, position, index);
          given.push([{ room, position, count: index + 1 }, index]);
        }
        const joined = new Map(
          joins.map(([room, offset]) => [`r${room}`, offset === null ? null : { epoch: 'e', offset }] as const),
        );
        expect(recent.since(since, joined)).toEqual(walk(given, since, joined));
      },
    ),
    { numRuns: 60 },
  );
});

test('a lost connection costs what its rooms were given, not what the node gave', () => {
  const recent = new RecentDeliveries();
  for (let index = 0; index < 2 * capacity; index++) recent.add(`busy ${index % 50}`, { epoch: 'e', offset: index }, 1);
  recent.add('quiet', { epoch: 'q', offset: 1 }, 1);
  let looked = 0;
  const joined = new Map([['quiet', null]]);
  const get = joined.get.bind(joined);
  joined.get = (room) => {
    looked++;
    return get(room);
  };
  expect(recent.since(0, joined).tail).toMatchObject([{ room: 'quiet' }]);
  expect(looked).toBeLessThan(10);
});
