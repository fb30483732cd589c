import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpeningSkipper } from '../../src/taker/opening-skipper.ts';

/** A frame of a server (RFC 6455 section 5.2). */
function frameOf(opcode: number, length: number): Buffer {
  const payload = Buffer.alloc(length, 0x61);
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload]);
  const header = Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, payload]);
}

test('the first data frames are cut off, with control frames before the last of them, however they are written', () => {
  const opcode = fc.constantFrom(1, 2, 9, 10);
  const frames = fc.array(fc.tuple(opcode, fc.nat(300)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(frames, fc.nat(4), fc.integer({ min: 1, max: 500 }), (all, count, size) => {
      const skipper = new OpeningSkipper(count);
      const stream = Buffer.concat(all.map(([of, length]) => frameOf(of, length)));
      const passed: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        passed.push(skipper.take(stream.subarray(at, at + size)) ?? Buffer.from('too large'));
      }
      let left = count;
      const expected = all.filter(([of]) => {
        const isSkipped = left > 0;
        if (of < 8 && left > 0) left--;
        return !isSkipped;
      });
      expect(Buffer.concat(passed)).toEqual(Buffer.concat(expected.map(([of, length]) => frameOf(of, length))));
      expect(skipper.isDone).toBe(left === 0);
    }),
  );
});

test('frames that are too large are not waited for', () => {
  const skipper = new OpeningSkipper(1);
  const endless = Buffer.alloc(70_000);
  endless[0] = 0x82;
  endless[1] = 127;
  endless.writeBigUInt64BE(1_000_000n, 2);
  expect(skipper.take(endless)).toBeUndefined();
});
