import { expect, test } from 'vitest';
import { createTrust, networkOf } from '../../src/index.ts';

test.each([
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.0.0.5/8', '10.9.9.9', true],
  ['192.0.2.1/32', '192.0.2.1', true],
  ['192.0.2.1/32', '192.0.2.2', false],
  // Above 2^31, where the bits of a number are negative.
  ['203.0.113.128/25', '203.0.113.255', true],
  ['203.0.113.128/25', '203.0.113.127', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['::/0', '2001:db8::1', true],
  ['::/0', '192.0.2.1', false],
  ['fd00::/8', 'fd12:3456::1', true],
  ['fd00::/8', 'fe80::1', false],
  ['2001:db8::1/128', '2001:DB8:0:0:0:0:0:1', true],
  ['10.0.0.0/8', '', false],
] as const)('of %s is %s: %s', (network, address, isIn) => {
  expect(createTrust([network])(address)).toBe(isIn);
  expect(createTrust(['198.51.100.0/24', network, '2001:db8:ffff::/48'])(address)).toBe(isIn);
});

test('no networks contain no address', () => {
  const trusts = createTrust([]);
  expect(['10.0.0.1', '::1', ''].map(trusts)).toEqual([false, false, false]);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::', 'fe80:0:0:0'],
] as const)('%s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
