import { expect, test } from 'vitest';
import { FairPlaces } from '../src/fair-places.ts';

/** Places, and what has been lost. */
function open(most: number, renews?: boolean) {
  const places = new FairPlaces<string>(most, renews);
  const lost: string[] = [];
  return { places, lost, enter: (item: string, of: string) => places.enter(item, of, (gone) => lost.push(gone)) };
}

test('one that holds most gives its oldest place to others, until all hold the same', () => {
  const { places, lost, enter } = open(4);
  for (const item of ['e1', 'e2', 'e3', 'e4']) expect(enter(item, 'eve')).toBe(true);
  expect(enter('e5', 'eve')).toBe(false);
  expect([enter('a1', 'ann'), enter('a2', 'ann'), enter('a3', 'ann')]).toEqual([true, true, false]);
  expect(lost).toEqual(['e1', 'e2']);
  expect([...places.items()]).toEqual(['e3', 'e4', 'a1', 'a2']);
  expect(enter('b1', 'bob')).toBe(true);
  expect([lost.length, places.size]).toEqual([3, 4]);
});

test('nobody who holds one place loses it, and places that are given back are free', () => {
  const { places, lost, enter } = open(2);
  expect([enter('a', 'ann'), enter('b', 'bob'), enter('c', 'cas')]).toEqual([true, true, false]);
  places.leave('a');
  places.leave('a');
  expect([enter('c', 'cas'), enter('d', 'dan')]).toEqual([true, false]);
  expect(lost).toEqual([]);
});

test('where places are renewed, newcomers always get one, from whoever holds most', () => {
  const { lost, enter } = open(3, true);
  for (const item of ['e1', 'e2', 'a1', 'e3', 'e4'])
    expect(enter(item, item.startsWith('e') ? 'eve' : 'ann')).toBe(true);
  expect(lost).toEqual(['e1', 'e2']);
  for (const item of ['b1', 'c1']) expect(enter(item, item)).toBe(true);
  expect(lost).toEqual(['e1', 'e2', 'e3', 'e4']);
});
