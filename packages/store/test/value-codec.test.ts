import { serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeValue, encodeValue } from '../src/value-codec.ts';

function nested(levels: number): object {
  let value = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

/** JSON values, and bytes, dates, maps and sets of them. */
const values = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, maxDepth: 4 });

test('every value is read as it was written, but for undefined', () => {
  fc.assert(
    fc.property(values, (value) => {
      const once = decodeValue(encodeValue(value));
      expect(decodeValue(encodeValue(once))).toEqual(once);
    }),
  );
});

test.each([
  ['text, lone surrogates among it', ['ä', '\u{1f600}', '\ud800x', '']],
  ['numbers', [0, -1, 1.5, 2 ** 31, 2 ** 53 - 1, -(2 ** 40), Number.POSITIVE_INFINITY, Number.NaN]],
  ['integers of any size', [5n, -5n, 2n ** 80n]],
  ['dates', [new Date(5), new Date(-1)]],
  ['maps and sets, nested', new Map<unknown, unknown>([['a', new Set([1, { b: new Map([[{ k: 1 }, 2]]) }])]])],
  ['keys that clients choose', JSON.parse('{"__proto__":{"x":1},"constructor":"x","toJSON":5,"a":{"__proto__":2}}')],
])('%s are read as they were written', (_what, value) => {
  expect(decodeValue(encodeValue(value))).toEqual(value);
});

test('bytes stay buffers', () => {
  const { bytes } = decodeValue(encodeValue({ bytes: Buffer.from('hi') })) as { bytes: Buffer };
  expect(Buffer.isBuffer(bytes)).toBe(true);
  expect(bytes.toString()).toBe('hi');
});

test('a key __proto__ changes no prototype', () => {
  const read = decodeValue(encodeValue(JSON.parse('{"__proto__":{"isAdmin":true}}'))) as { isAdmin?: boolean };
  expect(read.isAdmin).toBeUndefined();
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

test('toJSON of an object is not called, and its properties are kept', () => {
  class Point {
    x = 1;
    toJSON(): never {
      throw new Error('called');
    }
  }
  expect(decodeValue(encodeValue(new Point()))).toEqual({ x: 1 });
});

test.each([10, 100, 255])('%i levels are read as they were written', (levels) => {
  expect(decodeValue(encodeValue(nested(levels)))).toEqual(nested(levels));
});

test.each([
  ['257 levels', nested(257)],
  ['100,000 levels', nested(100_000)],
  ['a function', { f() {} }],
  ['a symbol', { s: Symbol('s') }],
  ['an object that contains itself', Object.assign([], { 0: 1 })],
])('%s cannot be written', (what, value) => {
  if (what.startsWith('an object')) (value as unknown[]).push(value);
  expect(() => encodeValue(value)).toThrow();
  // The encoder is not left in the middle of it.
  expect(decodeValue(encodeValue({ a: 1 }))).toEqual({ a: 1 });
});

test('what earlier versions wrote is read', () => {
  const value = { rooms: ['a'], data: new Map([['k', 1]]) };
  expect(decodeValue(serialize(value))).toEqual(value);
});

test('damaged bytes and other formats are refused, whatever they are', () => {
  expect(() => decodeValue(Buffer.alloc(0))).toThrow(/none, as it is empty; this version reads formats 16 and 255/);
  expect(() => decodeValue(Buffer.from([0x11, 0x80]))).toThrow(/format 17/);
  const whole = encodeValue({ a: 'text', list: [1, 2, 3] });
  for (let length = 1; length < whole.length; length++) {
    expect(() => decodeValue(whole.subarray(0, length))).toThrow();
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeValue(Buffer.concat([Buffer.from([0x10]), bytes]));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
