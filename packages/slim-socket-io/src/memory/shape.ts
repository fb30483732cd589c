/**
 * Makes a class of objects that inherit nothing and share one layout. An object of `Object.create(null)` is a hash table of its own, of at least
 * 160 bytes.
 */
export function createShape<T extends object>(): new () => T {
  const Shape = function Shape() {} as unknown as new () => T;
  Shape.prototype = Object.create(null);
  return Shape;
}
