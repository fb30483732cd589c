import { type Curve, type Point, pointOf } from './map-layout.ts';

/** Size of the label of a line, in units of the drawing: the same for all, so that none moves when its numbers change. */
const size = { width: 128, height: 34 };

/** Where on a line its label may be, best first: near its end, lines that begin at the same box are apart. */
const tries = [0.5, 0.62, 0.38, 0.7, 0.3];

/**
 * Places the labels of lines so that none hides another one.
 *
 * @returns the middle of each; `undefined`: there is no room for it
 */
export function labelsOf(curves: readonly Curve[]): (Point | undefined)[] {
  const placed: Point[] = [];
  return curves.map((curve) => {
    const free = tries.map((t) => pointOf(curve, t)).find((point) => !placed.some((other) => overlap(point, other)));
    if (free !== undefined) placed.push(free);
    return free;
  });
}

function overlap(one: Point, other: Point): boolean {
  return Math.abs(one.x - other.x) < size.width && Math.abs(one.y - other.y) < size.height;
}
