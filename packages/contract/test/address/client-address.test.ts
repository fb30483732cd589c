import { expect, test } from 'vitest';
import { clientAddress, createTrust, readAddress } from '../../src/index.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  [' 192.0.2.1\t', '192.0.2.1'],
  ['192.0.2.1:51234', '192.0.2.1'],
  ['"192.0.2.1:51234"', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:51234', '2001:db8::1'],
  ['"[2001:db8::1]:51234"', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25eth0]:80', 'fe80::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['[::ffff:c000:201]:80', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
])('the address in %j is read', (text, address) => {
  expect(readAddress(text)).toBe(address);
});

test.each([
  '',
  ' ',
  'unknown',
  '_hidden',
  'unix:',
  'localhost',
  'example.test',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.01',
  '3221225985',
  '0xc0000201',
  '192.0.2.1:',
  '192.0.2.1:http',
  '192.0.2.1:123456',
  '192.0.2.1 192.0.2.2',
  '192.0.2.1%eth0',
  '[192.0.2.1]',
  '[2001:db8::1',
  '2001:db8::1]',
  '[2001:db8::1]x',
  '[]',
  '%eth0',
  '"192.0.2.1',
  'for=192.0.2.1',
  '1'.repeat(1_000_000),
])('there is no address in %.40j', (text) => {
  expect(readAddress(text)).toBeUndefined();
});

const trusts = createTrust(['10.0.0.0/8', 'fd00::/8']);

test.each([
  // What the entry next to us says counts, whatever its form.
  ['203.0.113.7', '203.0.113.7'],
  ['9.9.9.9, 203.0.113.7', '203.0.113.7'],
  ['9.9.9.9, 203.0.113.7:51234', '203.0.113.7'],
  ['9.9.9.9, [2001:db8::7]:51234', '2001:db8::7'],
  ['9.9.9.9, "[2001:db8::7%eth0]"', '2001:db8::7'],
  // Of trusted proxies the one before counts, whatever their form.
  ['9.9.9.9, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
  ['9.9.9.9, 203.0.113.7:1, 10.0.0.2:2, [fd00::3]:3', '203.0.113.7'],
  ['9.9.9.9, 203.0.113.7, ::ffff:10.0.0.2', '203.0.113.7'],
  ['9.9.9.9, 203.0.113.7, ::ffff:a00:2', '203.0.113.7'],
  ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
  // What cannot be read ends the walk: the proxy that wrote it is all that is known.
  ['9.9.9.9, unknown', '10.0.0.1'],
  ['9.9.9.9, unknown, 10.0.0.2', '10.0.0.2'],
  ['9.9.9.9, ', '10.0.0.1'],
  ['9.9.9.9,', '10.0.0.1'],
  ['9.9.9.9, , 10.0.0.2', '10.0.0.2'],
  [',10.0.0.2', '10.0.0.2'],
  ['', '10.0.0.1'],
  [',,,', '10.0.0.1'],
  [undefined, '10.0.0.1'],
  [['9.9.9.9', '203.0.113.7:4'], '203.0.113.7'],
  [[], '10.0.0.1'],
] as const)('behind a trusted proxy X-Forwarded-For %j means %s', (forwarded, address) => {
  expect(clientAddress(forwarded, '10.0.0.1', trusts)).toBe(address);
});

test('a list of any length is read from the right', () => {
  const long = `${'10.0.0.2,'.repeat(200_000)}203.0.113.7`;
  const before = process.cpuUsage();
  for (let time = 0; time < 1_000; time++) expect(clientAddress(long, '10.0.0.1', trusts)).toBe('203.0.113.7');
  expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
});
