import { expect, test } from 'vitest';
import type { Publication } from '../../../src/rooms/codec/publication.ts';
import { historyEvent, keptEvent, positionEvent, unkeptEvent } from '../../../src/rooms/delivery/client-event.ts';
import { idempotencyKeyOf } from '../../../src/rooms/idempotency/idempotency-key.ts';

const plain: Publication = { event: 'news', message: 1, except: undefined, sender: undefined };
const position = { epoch: 'e', offset: 7 };
const written = expect.stringMatching(/^e.*7/);

test('a kept message has its position at the end, for clients that asked for more', () => {
  expect(keptEvent('r:den', plain, position, false)).toEqual({
    event: 'news',
    message: 1,
    extra: [written],
    always: [],
    position: written,
  });
});

test('what there is to tell of a message stands before its position: its room, its id, and who published it', () => {
  const withId = { ...plain, id: idempotencyKeyOf('1', 'ann'), sender: 'ann' };
  expect(keptEvent('r:den', withId, position, false).extra).toEqual([{ room: 'den', id: '1' }, written]);
  const about = { room: 'den', id: '1', sender: 'ann' };
  expect(keptEvent('r:den', withId, position, true)).toMatchObject({ extra: [about, written], always: [about] });
  expect(keptEvent('r:den', plain, position, true).always).toEqual([{ room: 'den', sender: null }]);
});

test('a message of a user names no room and no publisher', () => {
  expect(keptEvent('u:ann', { ...plain, id: '1' }, position, true)).toMatchObject({ extra: [written], always: [] });
  expect(unkeptEvent('u:ann', plain, true, undefined)).toMatchObject({ extra: [], always: [], position: undefined });
});

test('a message that is not kept has a position only where it has an id: that of the delivery', () => {
  expect(unkeptEvent('r:den', plain, false, undefined)).toMatchObject({
    extra: [{ room: 'den' }],
    always: [],
    position: undefined,
  });
  expect(unkeptEvent('r:den', { ...plain, id: '1' }, false, position)).toMatchObject({
    extra: [{ room: 'den', id: '1' }, written],
    position: written,
  });
});

test('events of a position and of a history name the room as clients do', () => {
  expect(positionEvent('r:den', position)).toMatchObject({ event: 'go:epoch', message: { room: 'den', position } });
  expect(positionEvent('u:ann', position).message).toEqual({ position });
  expect(historyEvent('go:gap', 'den', position)).toMatchObject({ message: { room: 'den', position }, extra: [] });
});
