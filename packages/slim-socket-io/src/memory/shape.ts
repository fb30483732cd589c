/**
 * Makes a class of objects without inherited names that share their layout. Those of `Object.create(null)` are a hash table each, of 160
 * bytes and more.
 */
export function createShape<T extends object>(): new () => T {
  const Shape = function Shape() {} as unknown as new () => T;
  Shape.prototype = Object.create(null);
  return Shape;
}
