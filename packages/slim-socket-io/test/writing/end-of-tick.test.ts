import { expect, test, vi } from 'vitest';
import { atEndOfTick } from '../../src/writing/end-of-tick.ts';

test('one whose flush throws keeps no other waiting, neither behind it nor later', () => {
  const ticks: (() => void)[] = [];
  const nextTick = vi.spyOn(process, 'nextTick').mockImplementation((work) => void ticks.push(work as () => void));
  const flushed: string[] = [];
  const add = (name: string): void => atEndOfTick({ endTick: () => void flushed.push(name) });
  add('first');
  atEndOfTick({
    endTick() {
      throw new Error('broken');
    },
  });
  add('behind');
  expect(ticks).toHaveLength(1);
  expect(() => ticks.shift()?.()).toThrow('broken');
  ticks.shift()?.();
  add('later');
  ticks.shift()?.();
  nextTick.mockRestore();
  expect([flushed, ticks]).toEqual([['first', 'behind', 'later'], []]);
});
