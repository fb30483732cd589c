import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePercent } from '../src/index.ts';

function decodeOrThrow(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

test('escapes are decoded as decodeURIComponent does, and broken ones are found without it', () => {
  for (let first = 0; first < 256; first++) {
    for (const second of [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      for (const rest of ['', '%80', '%bf%80', '%BF%bf', '%', 'x\n', '%c3%bc']) {
        const text = `a${escapeOf(first)}${escapeOf(second)}${rest}`;
        expect([text, decodePercent(text)]).toEqual([text, decodeOrThrow(text)]);
      }
    }
  }
  const parts = fc.constantFrom(
    '%',
    'a',
    '\n',
    '%zz',
    '%C3',
    '%bc',
    '%e2%82%AC',
    '%f0%9f%98%80',
    '%ed%a0%80',
    'ü',
    '😀',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (list) => {
      expect(decodePercent(list.join(''))).toBe(decodeOrThrow(list.join('')));
    }),
  );
});

test('thousands of broken escapes take little time', () => {
  const texts = Array.from({ length: 2_000 }, (_, index) => `${index}%`);
  const begun = process.cpuUsage();
  for (let round = 0; round < 20; round++) for (const text of texts) decodePercent(text);
  const { user, system } = process.cpuUsage(begun);
  // It took 10 ms with an exception for each.
  expect((user + system) / 20_000).toBeLessThan(3);
  expect(decodePercent(`${'a%C3%BC'.repeat(100_000)}%`)).toBeUndefined();
});

function escapeOf(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}
