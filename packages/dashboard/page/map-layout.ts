/** Size of a box, in units of the drawing. */
export const box = { width: 240, height: 62, gap: 22 };

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line between two boxes: a cubic Bézier curve that leaves and arrives horizontally. */
export interface Curve {
  readonly from: Point;
  readonly to: Point;
}

/** The line from one box to another, whose upper left corners are given. */
export function curveOf(from: Point, to: Point): Curve {
  return {
    from: { x: from.x + box.width, y: from.y + box.height / 2 },
    to: { x: to.x, y: to.y + box.height / 2 },
  };
}

/** As a path of SVG. */
export function pathOf({ from, to }: Curve): string {
  const middle = (from.x + to.x) / 2;
  return `M ${from.x} ${from.y} C ${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
}

/** A point of it. @param t - from 0, its begin, to 1, its end */
export function pointOf({ from, to }: Curve, t: number): Point {
  // The control points are half way in x, and have the y of their end.
  const u = 1 - t;
  return {
    x: (u ** 3 + 1.5 * u * u * t + 1.5 * u * t * t) * from.x + (1.5 * u * u * t + 1.5 * u * t * t + t ** 3) * to.x,
    y: (u ** 3 + 3 * u * u * t) * from.y + (3 * u * t * t + t ** 3) * to.y,
  };
}
