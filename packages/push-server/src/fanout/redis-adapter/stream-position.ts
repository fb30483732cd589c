import type { RedisClient } from '@gopush/store';

/** Whether one id of a stream, `<milliseconds>-<number>`, comes before another. */
export function isBefore(one: string, other: string): boolean {
  const [time, count] = partsOf(one);
  const [otherTime, otherCount] = partsOf(other);
  return time < otherTime || (time === otherTime && count < otherCount);
}

function partsOf(id: string): readonly [time: number, count: number] {
  const [time = 0, count = 0] = id.split('-').map(Number);
  return [time, count];
}

/**
 * Corrects the position of a reader after each new connection. Another server, or the same one after a restart, may be behind the last position,
 * and would return nothing until its clock has passed it.
 *
 * @param lastEntry - finds the id of the last entry that the server has
 * @returns takes a position to the one to read from
 */
export function followReplacements(
  reader: RedisClient,
  lastEntry: () => Promise<string>,
): (after: string) => Promise<string> {
  let mayBeBehind = false;
  let instead: { readonly of: string; readonly position: string } | undefined;
  let isFirst = true;
  reader.on('ready', () => {
    mayBeBehind = !isFirst;
    isFirst = false;
  });
  return async (after) => {
    if (mayBeBehind) {
      const last = await lastEntry();
      mayBeBehind = false;
      instead = isBefore(last, after) ? { of: after, position: last } : undefined;
    }
    return instead?.of === after ? instead.position : after;
  };
}
