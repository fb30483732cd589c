/** Most levels of lists and objects in data from clients and back ends. The outermost list or object is the first level. */
export const maxDepth = 64;

/** Most levels in data that programs publish: they may wrap data of a client. */
export const maxDepthOfPrograms = 128;

/** Shape of a value. */
export type Shape =
  /** Only text, numbers, lists and objects. */
  | 'plain'
  /** With bytes in it. */
  | 'binary'
  /** Nested deeper than allowed. */
  | 'deep';

/**
 * Looks how deep a value is nested, and whether bytes are in it. Code that calls itself for each level (Socket.IO, `JSON.stringify`,
 * encoders) fails at some depth, and each at another one: a value that was written may then not be readable.
 *
 * Allocates nothing, and never calls itself more than `levels` times.
 */
export function shapeOf(value: unknown, levels: number): Shape {
  if (typeof value !== 'object' || value === null) return 'plain';
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'binary';
  if (levels === 0) return 'deep';
  return Array.isArray(value) ? shapeOfList(value, levels - 1) : shapeOfObject(value, levels - 1);
}

function shapeOfList(list: readonly unknown[], levels: number): Shape {
  let shape: Shape = 'plain';
  for (let index = 0; index < list.length && shape !== 'deep'; index++) {
    const inner = list[index];
    if (typeof inner === 'object') shape = together(shape, shapeOf(inner, levels));
  }
  return shape;
}

function shapeOfObject(object: object, levels: number): Shape {
  let shape: Shape = 'plain';
  for (const key in object) {
    const inner = (object as Record<string, unknown>)[key];
    if (typeof inner === 'object') shape = together(shape, shapeOf(inner, levels));
    if (shape === 'deep') break;
  }
  return shape;
}

function together(one: Shape, other: Shape): Shape {
  return other === 'plain' ? one : other;
}
