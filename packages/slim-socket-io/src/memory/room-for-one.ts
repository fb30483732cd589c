/** An empty list with room for one element. V8 makes room for 17 in a list that begins empty, and keeps that when the elements are gone. */
export function roomForOne<T>(): T[] {
  const list: unknown[] = [undefined];
  list.pop();
  return list as T[];
}

/** Whether a value is a list without elements. */
export function isEmptyList(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}
