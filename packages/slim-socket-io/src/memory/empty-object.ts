/** A constructor of ordinary objects. */
const Empty = function Empty() {} as unknown as new () => Record<PropertyKey, never>;
Empty.prototype = Object.prototype;

// V8 looks at the first objects of a constructor to find out how much room the others need.
for (let count = 0; count < 16; count++) new Empty();

/** The same as `{}`, without the room for four properties that V8 gives that: 24 bytes instead of 56. Properties can be added. */
function emptyObject(): Record<PropertyKey, never> {
  return new Empty();
}

/** An object that takes less memory if it is like `{}`; anything else as it is. Nobody else may have it. */
export function smallIfEmpty<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Reflect.ownKeys(value).length === 0 && Object.isExtensible(value) ? (emptyObject() as T) : value;
}
