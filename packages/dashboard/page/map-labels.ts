import { type Curve, type Point, pointOf } from './map-layout.ts';

/** Room for the label of a line, in units of the drawing: three rows. The same for all, so that none moves when its numbers change. */
const size = { width: 128, height: 42 };

/** Where on a line its label may be, best first: near the end that fewer lines have in common. */
const tries = [0.62, 0.5, 0.38, 0.7, 0.8, 0.2];

/**
 * Places the labels of lines so that none hides another one.
 *
 * @returns the middle of each; `undefined`: there is no room for it
 */
export function labelsOf(curves: readonly Curve[]): (Point | undefined)[] {
  const placed: Point[] = [];
  return curves.map((curve) => {
    const isFan = countAt(curves, curve, 'from') >= countAt(curves, curve, 'to');
    const points = tries.map((t) => pointOf(curve, isFan ? t : 1 - t));
    const free = points.find((point) => !placed.some((other) => overlap(point, other)));
    if (free !== undefined) placed.push(free);
    return free;
  });
}

/** How many lines share an end. */
function countAt(curves: readonly Curve[], curve: Curve, end: 'from' | 'to'): number {
  const { x, y } = curve[end];
  return curves.filter((other) => other[end].x === x && other[end].y === y).length;
}

function overlap(one: Point, other: Point): boolean {
  return Math.abs(one.x - other.x) < size.width && Math.abs(one.y - other.y) < size.height;
}
