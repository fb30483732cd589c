import type { Position } from '@gopush/contract';
import type { ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import type { SessionRecord, SocketRecord } from '../stored-session/session-record.ts';

/**
 * What a client whose connection was lost has had of what was given to it without being kept. What it may not have had is given to it when
 * it is kept.
 *
 * @param last - the mark of the last thing it got
 */
export function hadOnReturn(
  { node, isExact, tail }: Pick<SessionRecord, 'node' | 'isExact' | 'tail'>,
  { had = [] }: Pick<SocketRecord, 'had'>,
  last: Position | undefined,
): readonly ReceivedKey[] {
  const hasHad = (count: number): boolean => {
    if (count === 0) return true;
    if (last === undefined) return false;
    if (last.epoch === node) return count <= last.offset;
    // What it got last is a message of a room. Of a node that died nothing tells which came first; it was written down, so it was given for long.
    if (!isExact) return true;
    return tail.some(
      (one) => one.count > count && one.position.epoch === last.epoch && one.position.offset === last.offset,
    );
  };
  return had.flatMap(([room, id, count]): ReceivedKey[] => (hasHad(count) ? [[room, id, 0]] : []));
}
