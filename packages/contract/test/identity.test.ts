import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyCharacter } from '../../../test/support/any-character.ts';
import { parseUid, readIdentity, readProduct, writeIdentity } from '../src/index.ts';

const uids = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 60 }).filter((text) => parseUid(text).ok);

function headersOf(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])));
}

test('any uid that is accepted is read as it was written, in headers of plain ASCII', () => {
  fc.assert(
    fc.property(uids, (uid) => {
      const headers = headersOf(writeIdentity({ uid, product: 'chat' }));
      expect(Object.values(headers).join('')).toMatch(/^[\x21-\x7e]*$/);
      expect(readIdentity(headers, { uid: 'eve' })).toEqual({ ok: true, value: { uid, product: 'chat' } });
    }),
  );
});

test.each([
  [undefined, 'uid_missing'],
  [null, 'uid_missing'],
  [false, 'uid_missing'],
  ['', 'uid_missing'],
  ['x'.repeat(257), 'uid_invalid'],
  ['é'.repeat(129), 'uid_invalid'],
  ['a\u0000', 'uid_invalid'],
  ['a\u2028b', 'uid_invalid'],
  [1.5, 'uid_hook_bad_value'],
  [true, 'uid_hook_bad_value'],
  [{}, 'uid_hook_bad_value'],
  [Symbol('x'), 'uid_hook_bad_value'],
])('uid %o is %s', (value, code) => {
  expect(parseUid(value)).toMatchObject({ ok: false, failure: { code } });
});

test('a whole number is a uid', () => {
  expect(parseUid(42)).toEqual({ ok: true, value: '42' });
});

test('broken escapes in a uid header are no uid', () => {
  expect(readIdentity({ 'x-gopush-uid': '%zz' }, {})).toMatchObject({ failure: { code: 'uid_missing' } });
});

test.each([
  ['/', 'default'],
  ['/?product=', 'default'],
  ['/?product=chat', 'chat'],
  ['/?%70roduct=ch%61t', 'chat'],
  ['/?a=product&product=x+y', 'x y'],
  ['/?%70%72%6F%64%75%63%74=a', 'a'],
  ['/?product%=a&Product=b&product+=c&%70roduc%c1%b4=d&?product=e', 'default'],
])('%s asks for %s', (url, product) => {
  expect(readProduct(url)).toEqual({ ok: true, value: product });
});

test.each([
  ['/?product=a&product=b', 'product_ambiguous'],
  ['/?product=%zz', 'product_unknown'],
  [`/?product=${'x'.repeat(129)}`, 'product_unknown'],
])('%s is %s', (url, code) => {
  expect(readProduct(url)).toMatchObject({ ok: false, failure: { code } });
});

test('behind an agent that has told no uid none is read from the query, however it got there', () => {
  const asked = { uid: 'admin' };
  expect(readIdentity({}, asked)).toMatchObject({ value: { uid: 'admin' } });
  expect(readIdentity({ 'x-gopush-agent': 'agent' }, asked)).toMatchObject({ failure: { code: 'uid_missing' } });
  expect(readIdentity({ 'x-gopush-agent': 'agent', 'x-gopush-uid': '' }, asked)).toMatchObject({
    failure: { code: 'uid_missing' },
  });
});
