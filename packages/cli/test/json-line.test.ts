import { expect, test } from 'vitest';
import { jsonLine } from '../src/json-line.ts';

test('a message of a client is printed with no character that a terminal obeys, and is the same when it is read', () => {
  const value = { text: '\u001b[2J \u009b2J \u007f \u202e right to left \u{e0001} 👩‍💻 ü', list: [1, null] };
  const line = jsonLine(value);
  expect(line).not.toMatch(/\p{Cc}|\p{Cf}/u);
  expect(line).toContain('ü');
  expect(JSON.parse(line)).toEqual(value);
});
