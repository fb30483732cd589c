import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  audienceOf,
  createStickySignatures,
  isIdentitySigned,
  readSidSignature,
  readStickySignature,
  type SignedHeaders,
  signatureHeader,
  signIdentity,
} from '../src/index.ts';

const secret = 'a secret of the tests';
const text = fc.string({ maxLength: 20 }).map(encodeURIComponent);
const headers: fc.Arbitrary<SignedHeaders> = fc.record({
  'x-gopush-uid': text,
  'x-gopush-product': text,
  'x-gopush-agent': text,
  'x-request-id': text,
});
const now = 1_700_000_000_000;

test('what was signed is believed, with either of two secrets, until it expires', () => {
  fc.assert(
    fc.property(headers, (given) => {
      const all = { ...given, [signatureHeader]: signIdentity(secret, given, now + 1_000) };
      expect(isIdentitySigned([secret], all, now)).toBe(true);
      expect(isIdentitySigned(['the next secret!', secret], all, now)).toBe(true);
      expect(isIdentitySigned(['the next secret!'], all, now)).toBe(false);
      expect(isIdentitySigned([secret], all, now + 1_000)).toBe(false);
      expect(isIdentitySigned([], all, now)).toBe(false);
    }),
  );
});

test('any change of what was signed, and any value moved to another header, is not believed', () => {
  fc.assert(
    fc.property(headers, headers, (given, other) => {
      fc.pre(JSON.stringify(given) !== JSON.stringify(other));
      const all = { ...other, [signatureHeader]: signIdentity(secret, given, now + 1_000) };
      expect(isIdentitySigned([secret], all, now)).toBe(false);
    }),
  );
});

test('a signature is for one audience, and tells which', () => {
  fc.assert(
    fc.property(
      headers,
      fc.stringMatching(/^[!-~]{1,40}$/),
      fc.stringMatching(/^[!-~]{1,40}$/),
      (given, audience, other) => {
        fc.pre(audience !== other);
        const signature = signIdentity(secret, given, now + 1_000, audience);
        const all = { ...given, [signatureHeader]: signature };
        expect(audienceOf([secret], all, now)).toBe(audience);
        expect(isIdentitySigned([secret], all, now, (one) => one === audience)).toBe(true);
        expect(isIdentitySigned([secret], all, now, (one) => one === other)).toBe(false);
        const renamed = { ...given, [signatureHeader]: signature.slice(0, -audience.length) + other };
        expect(audienceOf([secret], renamed, now)).toBeUndefined();
        const older = { ...given, [signatureHeader]: signature.slice(0, -audience.length - 1).replace('v2', 'v1') };
        expect(audienceOf([secret], older, now)).toBeUndefined();
      },
    ),
  );
});

test('no signature that a client may send throws', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (signature, uid) => {
      const all = { 'x-gopush-uid': uid, [signatureHeader]: signature };
      expect(isIdentitySigned([secret], all, now)).toBe(false);
    }),
  );
});

test('a mark names its product, target and user, to who knows the key', () => {
  const marks = createStickySignatures(() => [secret]);
  const mark = marks.issue('chat', '10.0.0.1:4000', 'ann');
  expect(readStickySignature(mark)).toBe(mark);
  expect(readSidSignature(`abc.${mark}`)).toBe(mark);
  expect(marks.matches(mark, 'chat', '10.0.0.1:4000', 'ann')).toBe(true);
  expect(marks.matches(mark, 'chat', '10.0.0.1:4000', 'bob')).toBe(false);
  expect(marks.matches(mark, 'chat', '10.0.0.1:4001', 'ann')).toBe(false);
  expect(marks.matches(mark, 'news', '10.0.0.1:4000', 'ann')).toBe(false);
  expect(marks.matches('', 'chat', '10.0.0.1:4000', 'ann')).toBe(false);
  expect(marks.matches(`${mark.slice(0, -1)}é`, 'chat', '10.0.0.1:4000', 'ann')).toBe(false);
  const knows = (...keys: [string, ...string[]]): boolean =>
    createStickySignatures(() => keys).matches(mark, 'chat', '10.0.0.1:4000', 'ann');
  expect(knows('another')).toBe(false);
  expect(knows('')).toBe(false);
  expect(knows('the next secret!', secret)).toBe(true);
  expect(readSidSignature('kM4tJ1pS5c2l5t9vAAAA')).toBeUndefined();
  expect(readStickySignature(`${mark}x`)).toBeUndefined();
});
