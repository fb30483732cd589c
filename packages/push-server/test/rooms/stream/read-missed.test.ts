import { expect, test } from 'vitest';
import { readMissed } from '../../../src/rooms/stream/read-missed.ts';
import { MemoryHistory } from '../memory-history.ts';

function historyOf(count: number): MemoryHistory {
  const history = new MemoryHistory();
  for (let at = 0; at < count; at++) history.add();
  return history;
}

const offsets = async (history: MemoryHistory, from: number, last: number, epoch = 'e') =>
  (await readMissed(history.store, 'r:den', { epoch, offset: from }, () => last))?.map(({ offset }) => offset);

test('all messages after the position are read, page by page, and none after the end', async () => {
  const history = historyOf(450);
  const read = await offsets(history, 10, 440);
  expect(read).toHaveLength(430);
  expect([read?.[0], read?.at(-1)]).toEqual([11, 440]);
});

test('a history that does not reach back, or of another epoch, or with a hole, gives nothing', async () => {
  const short = historyOf(10);
  short.keep(5);
  expect(await offsets(short, 3, 10)).toBeUndefined();
  expect(await offsets(short, 5, 10)).toEqual([6, 7, 8, 9, 10]);
  expect(await offsets(historyOf(10), 3, 10, 'another')).toBeUndefined();
  const holed = historyOf(10);
  holed.messages = holed.messages.filter(({ offset }) => offset !== 7);
  expect(await offsets(holed, 3, 10)).toBeUndefined();
});
