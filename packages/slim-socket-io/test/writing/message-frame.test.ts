import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageFrame } from '../../src/writing/message-frame.ts';

/** The `ws` of Engine.IO. */
const { Sender } = createRequire(createRequire(import.meta.url).resolve('engine.io'))('ws') as {
  readonly Sender: { frame(data: Buffer, options: object): Buffer[] };
};

test('a message is the frame that ws makes of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom(1, 1, 1, 400), (text, times) => {
      const message = text.repeat(times);
      expect(messageFrame(message).equals(frameOfWs(message))).toBe(true);
    }),
  );
});

test.each([0, 1, 123, 124, 125, 126, 65_533, 65_534, 65_535, 70_000])('so is one of %i bytes', (length) => {
  const message = 'x'.repeat(length);
  expect(messageFrame(message).equals(frameOfWs(message))).toBe(true);
});

test('half a surrogate pair is replaced as by ws', () => {
  const message = 'a\ud800b\udc00';
  expect(messageFrame(message).equals(frameOfWs(message))).toBe(true);
});

function frameOfWs(text: string): Buffer {
  return Buffer.concat(Sender.frame(Buffer.from(`4${text}`), { fin: true, opcode: 1, mask: false, rsv1: false }));
}
