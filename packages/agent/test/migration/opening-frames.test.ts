import { expect, test } from 'vitest';
import { OpeningFrames } from '../../src/migration/opening-frames.ts';
import { frame } from '../support/frames.ts';

const opening = Buffer.concat([frame('0{"sid":"x"}'), frame('between', { opcode: 9 }), frame('40{"sid":"y"}')]);

test('what follows the openings is given back, wherever the chunks are cut', () => {
  const bytes = Buffer.concat([opening, frame('42["on"]')]);
  for (let at = 0; at <= bytes.length; at++) {
    const frames = new OpeningFrames(2);
    const parts = [bytes.subarray(0, at), bytes.subarray(at)].map((chunk) => frames.take(chunk, chunk.length));
    // Its part before the cut comes first if they are complete there.
    const rest = at < opening.length ? parts.slice(1) : parts.slice(0, 1);
    const expected = at < opening.length ? bytes.subarray(opening.length) : bytes.subarray(opening.length, at);
    expect(rest.map(String)).toEqual([String(expected)]);
    if (at < opening.length) expect(parts[0]).toBeUndefined();
  }
});

test('a target that already asks for the client to be stopped is heard', () => {
  const frames = new OpeningFrames(1);
  const ping = frame('gopush:drain', { opcode: 9 });
  frames.take(ping, ping.length);
  expect(frames.asksToStop).toBe(true);
});

test('a text that looks like that ping is not one', () => {
  const frames = new OpeningFrames(2);
  const text = frame('gopush:drain');
  frames.take(text, text.length);
  expect(frames.asksToStop).toBe(false);
});

test('openings without an end are too long', () => {
  const frames = new OpeningFrames(1);
  const long = frame('x'.repeat(70_000));
  expect(frames.take(long, 60_000)).toBeUndefined();
  expect(frames.areTooLong).toBe(false);
  expect(frames.take(long.subarray(60_000), 6_000)).toBeUndefined();
  expect(frames.areTooLong).toBe(true);
});
