import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HiddenFrames } from '../../src/migration/hidden-frames.ts';
import { FrameWalker } from '../../src/tunnel/frame-walker.ts';
import { cutAt, frame } from '../support/frames.ts';

/** What a client sees of chunks in which all control frames with this text are hidden. */
function visible(chunks: readonly Buffer[], text: string): string {
  const walker = new FrameWalker(true);
  const hidden = new HiddenFrames();
  const seen: Buffer[] = [];
  for (const chunk of chunks) {
    walker.walk(chunk, chunk.length, {
      onControl(_opcode, payload, end, size) {
        if (payload.toString() === text) hidden.hide(end, size);
      },
    });
    const openBytes = walker.openControlBytes;
    if (openBytes === 0 && hidden.areNone) seen.push(chunk);
    else {
      const { first, from, until } = hidden.cut(chunk, chunk.length, openBytes);
      seen.push(...first, chunk.subarray(from, Math.max(from, until)));
    }
  }
  return Buffer.concat(seen).toString('latin1');
}

const shown = [frame('42["one"]'), frame('ping', { opcode: 9 }), frame('', { opcode: 9 }), frame('x'.repeat(300))];
const secret = frame('secret', { opcode: 9 });

test('hidden frames are cut out, wherever chunks are cut; all else comes through, in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: shown.length }), { maxLength: 10 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (indexes, places) => {
        const frames = indexes.map((index) => shown[index] ?? secret);
        const expected = Buffer.concat(frames.filter((one) => one !== secret)).toString('latin1');
        expect(visible(cutAt(Buffer.concat(frames), places), 'secret')).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});

test('a control frame that is not complete waits until it is', () => {
  const bytes = frame('ping', { opcode: 9 });
  expect(visible([bytes.subarray(0, 3)], 'secret')).toBe('');
  expect(visible([bytes.subarray(0, 3), bytes.subarray(3)], 'secret')).toBe(bytes.toString('latin1'));
});

test('of another target nothing is left of what the former one had begun', () => {
  const hidden = new HiddenFrames();
  const part = secret.subarray(0, 3);
  hidden.cut(part, part.length, part.length);
  expect(hidden.areNone).toBe(false);
  hidden.reset();
  expect(hidden.areNone).toBe(true);
});
