import { expect, test } from 'vitest';
import { labelsOf } from '../page/map-labels.ts';
import { box, curveOf } from '../page/map-layout.ts';

/** Lines from each box of one column to each box of another one, as the map draws them. */
function linesBetween(left: number, right: number) {
  const at = (x: number, row: number) => ({ x, y: row * (box.height + box.gap) });
  return Array.from({ length: left }, (_, from) =>
    Array.from({ length: right }, (_, to) => curveOf(at(0, from), at(510, to))),
  ).flat();
}

test.each([
  [1, 1],
  [1, 12],
  [12, 1],
])('with %i boxes on the left and %i on the right each line has room for its numbers', (left, right) => {
  expect(labelsOf(linesBetween(left, right))).not.toContain(undefined);
});

test('where lines cross much, those that have no room have no label, and no label hides another one', () => {
  const labels = labelsOf(linesBetween(12, 12));
  const placed = labels.filter((label) => label !== undefined);
  expect(labels).toHaveLength(144);
  expect(placed.length).toBeGreaterThan(12);
  for (const one of placed)
    for (const other of placed)
      expect(one === other || Math.abs(one.x - other.x) >= 128 || Math.abs(one.y - other.y) >= 42).toBe(true);
});
