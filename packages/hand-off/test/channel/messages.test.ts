import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, writeFrame } from '../../src/channel/frame-reader.ts';
import {
  readAccept,
  readClose,
  readDuplicate,
  readEnd,
  readOffer,
  readResponse,
  writeAccept,
  writeClose,
  writeDuplicate,
  writeEnd,
  writeOffer,
  writeResponse,
} from '../../src/channel/messages.ts';
import { readRefusal, writeRefusal } from '../../src/channel/refusals.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const u32 = fc.nat(0xffff_ffff);
const count = fc.option(fc.nat(Number.MAX_SAFE_INTEGER), { nil: undefined });
/** Short enough not to be cut. */
const text = fc.string({ maxLength: 50, unit: 'grapheme' }).filter((value) => Buffer.byteLength(value) <= 200);

/** What is read of a payload that was written as parts. */
function through<T>(parts: Buffer[], read: (payload: Buffer) => T): T {
  return read(Buffer.concat(parts));
}

test('every message is read as it was written', () => {
  const kind = fc.constantFrom('upgrade' as const, 'session' as const);
  fc.assert(
    fc.property(fc.record({ kind, head: bytes, record: bytes }), (message) => {
      expect(through(writeOffer(message), readOffer)).toEqual(message);
    }),
  );
  const body = fc.option(bytes, { nil: undefined });
  fc.assert(
    fc.property(fc.record({ slot: u32, generation: u32, head: bytes, body }), (message) => {
      expect(through(writeResponse(message), readResponse)).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.record({ skipFrames: fc.nat(255), record: bytes, first: bytes, early: bytes }), (message) => {
      expect(through(writeAccept(message), readAccept)).toEqual(message);
    }),
  );
  const code = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  const cause = fc.option(
    text.filter((value) => value !== ''),
    { nil: undefined },
  );
  fc.assert(
    fc.property(fc.record({ code, cause, messagesIn: count, messagesOut: count }), (message) => {
      expect(through(writeEnd(message), readEnd)).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.record({ code: fc.nat(65_535), cause: text }), (message) => {
      expect(through(writeClose(message), readClose)).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.record({ slot: u32, generation: u32, record: bytes }), (message) => {
      expect(through(writeDuplicate(message), readDuplicate)).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('full' as const, 'unfit' as const, 'bad response' as const),
      text,
      (refusal, detail) => {
        expect(through(writeRefusal(refusal, detail), readRefusal)).toEqual({ refusal, detail });
      },
    ),
  );
});

test('of a text that is longer than any peer sends only the beginning is read', () => {
  const long = Buffer.concat([Buffer.of(1), Buffer.alloc(1_000_000, 'x')]);
  expect(readRefusal(long).detail).toBe('x'.repeat(200));
});

test('a payload that is cut anywhere, or any other bytes, never throw', () => {
  const readers = [readOffer, readResponse, readAccept, readEnd, readClose, readDuplicate, readRefusal];
  fc.assert(
    fc.property(bytes, (payload) => {
      for (const read of readers) read(payload);
    }),
  );
  const whole = Buffer.concat(writeOffer({ kind: 'upgrade', head: Buffer.from('head'), record: Buffer.alloc(0) }));
  for (let length = 0; length < whole.length; length++) expect(readOffer(whole.subarray(0, length))).toBeUndefined();
});

test('frames are found however the stream is cut', () => {
  const frames = fc.array(fc.tuple(fc.nat(255), u32, bytes), { maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (written, sizes) => {
      const stream = Buffer.concat(written.map(([type, id, payload]) => writeFrame(type, id, payload)));
      const reader = new FrameReader();
      const read: [number, number, Buffer][] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        const isValid = reader.read(stream.subarray(at, at + size), (type, id, payload) => {
          read.push([type, id, Buffer.from(payload)]);
        });
        expect(isValid).toBe(true);
        at += size;
      }
      expect(read).toEqual(written);
    }),
  );
});

test('a frame that is too small or too large ends the stream', () => {
  for (const length of [0, 4, 5 * 1_048_576, 0xffff_ffff]) {
    const header = Buffer.alloc(9);
    header.writeUInt32LE(length, 0);
    expect(new FrameReader().read(header, () => {})).toBe(false);
  }
});
