import { expect, test } from 'vitest';
import { EarlyBytes } from '../../src/giver/early-bytes.ts';
import type { Handed } from '../../src/giver/handed.ts';

/** Stands for a connection. */
const connection = (): Handed<unknown> => ({}) as Handed<unknown>;

test('early bytes are kept until they are not needed, or others or none went along with the same connection', () => {
  const early = new EarlyBytes();
  const [one, other] = [connection(), connection()];
  early.keep(one, Buffer.from('one'));
  early.keep(other, Buffer.from('other'));
  expect([early.of(one), early.of(other)].map(String)).toEqual(['one', 'other']);
  early.sweep((handed) => handed === one);
  expect([early.of(one)?.toString(), early.of(other)]).toEqual(['one', undefined]);
  early.keep(one, Buffer.from('again'));
  expect(String(early.of(one))).toBe('again');
  early.keep(one, Buffer.alloc(0));
  expect(early.of(one)).toBeUndefined();
});

test('so many bytes are kept, however small they come, and as many again once these are dropped', () => {
  const early = new EarlyBytes();
  const kept = (all: readonly Handed<unknown>[]): number =>
    all.filter((handed) => early.of(handed) !== undefined).length;
  const fill = (bytes: number): number => {
    const all = Array.from({ length: 10_000 }, connection);
    // The same ones for all: 10 GB of their own take a busy machine a minute.
    const own = Buffer.alloc(bytes);
    for (const handed of all) early.keep(handed, own);
    return kept(all);
  };
  const [large, small] = [1_048_576, 1];
  for (let round = 0; round < 2; round++) {
    expect(fill(large)).toBe(7);
    early.sweep(() => false);
    const count = fill(small);
    expect(count).toBeGreaterThan(8_000);
    expect(count).toBeLessThan(8_192);
    early.sweep(() => false);
  }
});
