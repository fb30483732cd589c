import { expect, test } from 'vitest';
import { createScopeOf, productIn, scopeIn, withoutScope } from '../../../src/rooms/names/product-scope.ts';
import {
  isOfOwnKind,
  nameOf,
  nameOfClients,
  plainName,
  roomOfClients,
  roomOfProduct,
  roomOfUser,
} from '../../../src/rooms/names/room-names.ts';

test('no name of a client is the room of a user, of a product, or of another product', () => {
  const scopeOf = createScopeOf(true);
  const rooms = [
    roomOfClients('u:ann'),
    roomOfUser('ann'),
    roomOfUser(`${scopeOf('game')}ann`),
    roomOfProduct('ann'),
    roomOfClients('ann'),
    roomOfClients('ann', scopeOf('game')),
    'ann',
  ];
  expect(new Set(rooms).size).toBe(rooms.length);
  expect(rooms.map(isOfOwnKind)).toEqual([true, true, true, true, true, true, false]);
});

test('outside, a room is named without its kind and scope, with its product', () => {
  const scopeOf = createScopeOf(true);
  const room = roomOfClients('den', scopeOf('game'));
  expect([nameOfClients(room), plainName(room)]).toEqual(['den', 'den']);
  expect(nameOf(room)).toEqual({ room: 'den', product: 'game' });
  expect(nameOf(roomOfUser('ann'))).toEqual({ user: 'ann' });
  expect(nameOfClients(roomOfUser('ann'))).toBeUndefined();
});

test('the default product, and all products where they are not isolated, have no scope', () => {
  expect(createScopeOf(true)('default')).toBe('');
  expect(createScopeOf(false)('game')).toBe('');
  const scope = createScopeOf(true)('game');
  expect([scopeIn(`${scope}ann`), withoutScope(`${scope}ann`), productIn(`${scope}ann`)]).toEqual([
    scope,
    'ann',
    { product: 'game' },
  ]);
  expect([scopeIn('ann'), withoutScope('ann'), productIn('ann')]).toEqual(['', 'ann', {}]);
});
