import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashText, pickByRendezvous, seedOfTargets } from '../../src/route/rendezvous.ts';

const choiceOf = (name: string, weight = 1) => ({ name, weight, hash: hashText(name, seedOfTargets) });
type Choice = ReturnType<typeof choiceOf>;
const targetsOf = (count: number) => Array.from({ length: count }, (_, index) => choiceOf(`10.0.0.1:${4000 + index}`));
const pick = (product: string, uid: string, targets: readonly Choice[]) =>
  pickByRendezvous(product, uid, targets, ({ weight }) => weight);
const uids = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

test('100 uids spread evenly over 4 targets', () => {
  const targets = targetsOf(4);
  const counts = new Map<string | undefined, number>();
  for (const uid of uids(100)) {
    const name = pick('default', uid, targets)?.name;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  expect(counts.size).toBe(4);
  // 25 each; 10 is beyond three standard deviations for a fair spread.
  for (const count of counts.values()) expect(Math.abs(count - 25)).toBeLessThan(14);
});

test('10,000 uids spread within 5 % over 8 targets', () => {
  const counts = new Map<string | undefined, number>();
  for (const uid of uids(10_000)) {
    const name = pick('p', uid, targetsOf(8))?.name;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(Math.abs(count - 1250)).toBeLessThan(125);
});

test('a uid stays with its target whatever the order, and moves only when its own target goes', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 2, max: 12 }), fc.nat(), (product, uid, count, gone) => {
      const targets = targetsOf(count);
      const before = pick(product, uid, targets);
      expect(pick(product, uid, targets.toReversed())).toBe(before);
      const left = targets.toSpliced(gone % count, 1);
      const after = pick(product, uid, left);
      if (before !== undefined && left.includes(before)) expect(after).toBe(before);
      else expect(left).toContain(after);
    }),
  );
});

test('weights are honoured', () => {
  const targets = [choiceOf('a:1', 1), choiceOf('b:1', 3), choiceOf('c:1', 0)];
  const counts: Record<string, number> = { 'a:1': 0, 'b:1': 0, 'c:1': 0 };
  for (const uid of uids(8_000)) {
    const name = pick('p', uid, targets)?.name ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  expect(counts['c:1']).toBe(0);
  expect((counts['b:1'] ?? 0) / (counts['a:1'] ?? 1)).toBeGreaterThan(2.6);
  expect((counts['b:1'] ?? 0) / (counts['a:1'] ?? 1)).toBeLessThan(3.4);
});

test('none to choose from', () => {
  expect(pick('p', 'u', [])).toBeUndefined();
});
