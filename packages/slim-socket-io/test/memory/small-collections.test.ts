import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallMap } from '../../src/memory/small-map.ts';
import { SmallSet } from '../../src/memory/small-set.ts';

const keys = ['a', 'b', undefined, Number.NaN, 0];
const key = fc.constantFrom(...keys);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ how: fc.constant('put' as const), key, value: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ how: fc.constant('delete' as const), key }) },
  fc.record({ how: fc.constant('clear' as const) }),
);

test('a small map is a Map, whatever is done with it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const [small, map] = [new SmallMap<unknown, number>(), new Map<unknown, number>()];
      for (const one of steps) {
        if (one.how === 'put') {
          small.set(one.key, one.value);
          map.set(one.key, one.value);
        } else if (one.how === 'delete') expect(small.delete(one.key)).toBe(map.delete(one.key));
        else {
          small.clear();
          map.clear();
        }
        expect([...small]).toEqual([...map]);
        expect([[...small.keys()], [...small.values()]]).toEqual([[...map.keys()], [...map.values()]]);
        expect(small.size).toBe(map.size);
        for (const any of keys) {
          expect([small.has(any), small.get(any)]).toEqual([map.has(any), map.get(any)]);
        }
        const seen: unknown[] = [];
        small.forEach((value, of) => {
          seen.push([of, value]);
        });
        expect(seen).toEqual([...map]);
      }
    }),
  );
});

test('a small set is a Set, whatever is done with it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const [small, set] = [new SmallSet<unknown>(), new Set<unknown>()];
      for (const one of steps) {
        if (one.how === 'put') {
          small.add(one.key);
          set.add(one.key);
        } else if (one.how === 'delete') expect(small.delete(one.key)).toBe(set.delete(one.key));
        else {
          small.clear();
          set.clear();
        }
        expect([...small]).toEqual([...set]);
        expect([[...small.keys()], [...small.entries()]]).toEqual([[...set.keys()], [...set.entries()]]);
        const seen: unknown[] = [];
        small.forEach((element, same, of) => {
          seen.push([element, same, of === small]);
        });
        expect(seen).toEqual([...set].map((element) => [element, element, true]));
        expect(inspect(small)).toBe(inspect(set));
        expect(small.size).toBe(set.size);
        for (const any of keys) expect(small.has(any)).toBe(set.has(any));
      }
    }),
  );
});

test('programs can take a small set for a Set, with the methods of this version of JavaScript', () => {
  const small = new SmallSet<number>().add(1).add(2);
  expect([small instanceof Set, Object.prototype.toString.call(small)]).toEqual([true, '[object Set]']);
  for (const name of Object.getOwnPropertyNames(Set.prototype)) {
    if (name !== 'constructor') expect(Object.hasOwn(SmallSet.prototype, name), name).toBe(true);
  }
  const { union } = small as unknown as { readonly union?: (other: Set<number>) => Set<number> };
  if (union !== undefined) expect([...union.call(small, new Set([3]))]).toEqual([1, 2, 3]);
});

test('an element may be taken out while all are gone through', () => {
  const map = new SmallMap([['a', 1]]);
  for (const key of map.keys()) map.delete(key);
  expect(map.size).toBe(0);
  map.set('a', 1).set('b', 2);
  for (const key of map.keys()) map.delete(key);
  expect(map.size).toBe(0);
});
