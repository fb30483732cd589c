import { encode } from 'notepack.io';
import { expect, test } from 'vitest';
import { isOfEmitter, listOf, optionsOf, readBroadcast } from '../../../src/fanout/emitters/emitter-message.ts';

const ofEmitter = encode(['emitter', { nsp: '/', data: ['news', 1] }, { rooms: ['den'], except: [] }]);

test('messages of emitters are told from those of push-servers', () => {
  const isOf = (channel: string, message: Buffer | string): boolean =>
    isOfEmitter('gopush', Buffer.from(channel), Buffer.from(message));
  expect(isOf('gopush#/#den#', ofEmitter)).toBe(true);
  expect(isOf('gopush#/#den#', encode(['another', {}, {}]))).toBe(false);
  expect(isOf('gopush-request#/#', '{"type":2}')).toBe(true);
  expect(isOf('gopush-request#/#', '{"type":2,"uid":"emitter"}')).toBe(true);
  expect(isOf('gopush-request#/#', '{"type":2,"uid":"a push-server"}')).toBe(false);
  expect(isOf('gopush-response#/#', '{"type":2}')).toBe(false);
});

test('an event is read with its namespace, which is the main one where none is named', () => {
  expect(readBroadcast(ofEmitter)).toEqual({ namespace: '/', data: ['news', 1], how: { rooms: ['den'], except: [] } });
  expect(readBroadcast(encode(['emitter', { data: [] }, {}])).namespace).toBe('/');
});

test('in the main namespace emitters name rooms as clients do, and never a user', () => {
  const { rooms, except } = optionsOf('/', { rooms: ['den', 'u:ann', 7], except: ['attic'] });
  expect([...rooms]).toEqual(['r:den', 'den', 'r:u:ann', 'r:7', 7]);
  expect([...(except ?? [])]).toEqual(['r:attic', 'attic']);
  expect([...optionsOf('/chat', { rooms: ['u:ann'], except: [] }).rooms]).toEqual(['u:ann']);
});

test('without a list of rooms it would be about everyone, and is refused', () => {
  expect(() => optionsOf('/', { rooms: undefined, except: [] })).toThrow(TypeError);
  expect(() => optionsOf('/', { rooms: [], except: 'all' })).toThrow(TypeError);
  expect(() => listOf({ length: 1 })).toThrow(TypeError);
});
