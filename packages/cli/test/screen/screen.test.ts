import { expect, test } from 'vitest';
import { readEvents } from '../../src/api/read-events.ts';
import { coloured, paintFor, plain } from '../../src/screen/style.ts';
import { layOutTable } from '../../src/screen/table.ts';
import { shortBytes, shortCount, shortTime } from '../../src/screen/units.ts';

test('numbers are short, and never longer than five characters', () => {
  expect([0, 0.5, 9.94, 10, 999, 1_000, 1_234, 9_949, 9_951, 99_949, 999_499, 1e6, 12_345_678].map(shortCount)).toEqual(
    ['0', '0.5', '9.9', '10', '999', '1.0k', '1.2k', '9.9k', '10k', '100k', '999k', '1.0M', '12M'],
  );
  for (let value = 1; value < 1e15; value *= 1.37) expect(shortCount(value).length).toBeLessThanOrEqual(5);
  expect([0, 1_023, 1_024, 10_485_760].map(shortBytes)).toEqual(['0 B', '1.0 KiB', '1.0 KiB', '10 MiB']);
  expect([-5, 59_999, 60_000, 3_600_000, 86_400_000].map(shortTime)).toEqual(['0 s', '59 s', '1 min', '1 h', '1 d']);
});

test('colours are for terminals, unless the environment wants otherwise', () => {
  expect(paintFor({ isTTY: true }, {})).toBe(coloured);
  expect(paintFor({}, {})).toBe(plain);
  expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })).toBe(plain);
  // https://no-color.org: set, and not empty.
  expect(paintFor({ isTTY: true }, { NO_COLOR: '' })).toBe(coloured);
  expect(paintFor({ isTTY: true }, { TERM: 'dumb' })).toBe(plain);
  expect(paintFor({}, { FORCE_COLOR: '1' })).toBe(coloured);
});

test('a table is as wide as the screen at most, and its columns stay in line', () => {
  const columns = [
    { title: 'NAME', cell: ({ name }: { name: string }) => name },
    { title: 'COUNT', isNumber: true, cell: ({ name }: { name: string }) => coloured(String(name.length), 'good') },
  ];
  const rows = [{ name: 'short' }, { name: '聊天室' }, { name: 'x'.repeat(80) }];
  const lines = layOutTable(columns, rows, 30, plain);
  expect(lines[0]).toBe(`${'NAME'.padEnd(23)}  COUNT`);
  expect(lines[1]).toBe(`${'short'.padEnd(23)}      ${coloured('5', 'good')}`);
  // A Chinese character takes two places.
  expect(lines[2]).toBe(`聊天室${' '.repeat(17)}      ${coloured('3', 'good')}`);
  expect(lines[3]).toBe(`${'x'.repeat(22)}…     ${coloured('80', 'good')}`);
});

async function eventsOf(...chunks: string[]) {
  const bytes = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytes.encode(chunk));
      controller.close();
    },
  });
  const events: object[] = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}

test('events of a stream are read whole, however they arrive, with comments and other fields left out', async () => {
  expect(
    await eventsOf('retry: 1\n\n: hi\n\nevent: a\nid: 7\nda', 'ta: one\ndata: two\n', '\ndata:three\r\n\r\nda'),
  ).toEqual([
    { event: 'a', data: 'one\ntwo', id: '7' },
    { event: 'message', data: 'three', id: '7' },
  ]);
  await expect(eventsOf('data: ', 'x'.repeat(17 * 1024 * 1024))).rejects.toThrow(/longer than 16 MiB/);
});
