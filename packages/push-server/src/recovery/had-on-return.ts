import type { Position } from '@gopush/contract';
import type { ReceivedKey } from '../rooms/idempotency/received-keys.ts';
import type { SessionRecord, SocketRecord } from '../stored-session/session-record.ts';

/**
 * The messages that a client has received before they were kept, although its connection was lost. It gets the others when they are kept.
 *
 * @param last - the position that it had last
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
    // The last one was a message of a room. If a node died, nothing shows which came first. It was saved, so it was
    // written long before.
    if (!isExact) return true;
    return tail.some(
      (one) => one.count > count && one.position.epoch === last.epoch && one.position.offset === last.offset,
    );
  };
  return had.flatMap(([room, id, count]): ReceivedKey[] => (hasHad(count) ? [[room, id, 0]] : []));
}
