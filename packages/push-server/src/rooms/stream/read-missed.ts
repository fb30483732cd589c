import type { Position } from '@gopush/contract';
import type { HistoryStore, KeptMessage } from '@gopush/store';

/** How many messages are read from a history at a time. */
export const pageSize = 200;

/**
 * Reads the messages of a room after a position, up to an offset that may grow meanwhile.
 *
 * @returns `undefined` if the history does not reach back that far, or has a hole
 * @throws StoreError while the history cannot be read
 */
export async function readMissed(
  history: HistoryStore,
  room: string,
  from: Position,
  last: () => number,
): Promise<readonly KeptMessage[] | undefined> {
  const missed: KeptMessage[] = [];
  for (let at = from.offset; at < last(); ) {
    const page = await history.read(room, at, pageSize);
    if (page.epoch !== from.epoch || page.first > at + 1 || page.messages.length === 0) return undefined;
    for (const message of page.messages) {
      if (message.offset > last()) break;
      if (message.offset > at + 1) return undefined;
      missed.push(message);
      at = message.offset;
    }
  }
  return missed;
}
