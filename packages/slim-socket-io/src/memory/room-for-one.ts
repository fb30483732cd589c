/** A list that takes its first element where it is. V8 makes room for 17 in one that begins empty, and keeps it when they have gone. */
export function roomForOne(): unknown[] {
  const list: unknown[] = [undefined];
  list.pop();
  return list;
}

/** Whether it is a list without elements. */
export function isEmptyList(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}
