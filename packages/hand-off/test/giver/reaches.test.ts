import { expect, test } from 'vitest';
import { reaches } from '../../src/giver/reaches.ts';

test.each([
  ['127.0.0.1', '127.0.0.1', true],
  ['127.0.0.1', '127.0.0.2', false],
  ['127.0.0.1', '0.0.0.0', true],
  ['127.0.0.1', '::', true],
  ['127.0.0.1', '::1', false],
  ['::1', '::1', true],
  ['::1', '::', true],
  ['::1', '0.0.0.0', false],
  ['10.0.0.5', '127.0.0.1', false],
  ['10.0.0.5', '10.0.0.5', true],
  ['localhost', '127.0.0.1', true],
  ['localhost', '::1', true],
  ['localhost', '0.0.0.0', true],
  ['localhost', '10.0.0.5', false],
  ['10.0.0.5', undefined, true],
  [undefined, '10.0.0.5', true],
])('whether a connection to %s reaches a server at %s: %s', (host, address, expected) => {
  expect(reaches(host, address)).toBe(expected);
});
