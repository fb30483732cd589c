import { expect, test } from 'vitest';
import { emitEvent } from '../../src/emit/emit-event.ts';
import { type EventPacket, formsOf, isKeepable } from '../../src/emitted-events/event-packet.ts';

const event = (...data: unknown[]): EventPacket => ({ type: 2, data });

test('events of programs are kept, but for those that are volatile, want an ack, or are about the connection', () => {
  expect(isKeepable(event('news', 1), undefined)).toBe(true);
  expect(isKeepable(event('news', 1), { volatile: true })).toBe(false);
  expect(isKeepable({ ...event('news', 1), id: 4 }, undefined)).toBe(false);
  expect(isKeepable({ type: 3, data: ['news'] }, undefined)).toBe(false);
  expect(isKeepable({ type: 2, data: 'no list' }, undefined)).toBe(false);
  expect(isKeepable(event('go:welcome', {}), undefined)).toBe(false);
  expect(isKeepable(event('go:closing', {}), undefined)).toBe(false);
});

test('an event of a room is not kept: it is in the history of the room', () => {
  const message = { text: 'hi' };
  const kept: boolean[] = [];
  const ofRoom = { event: 'chat', message, always: [], extra: [], position: 'r.1~' } as never;
  emitEvent(ofRoom, (...args) => {
    kept.push(isKeepable(event(...args), undefined), isKeepable(event('chat', { text: 'hi' }), undefined));
  });
  // The second one a listener emits meanwhile.
  expect(kept).toEqual([false, true]);
  expect(isKeepable(event('chat', message), undefined)).toBe(true);
});

const context = {
  namespace: '/',
  position: () => 'node.7~',
  encode: ({ data }: EventPacket) => [JSON.stringify(data)],
};
const inline = (packet: EventPacket, kept: string | undefined, of = context): unknown =>
  formsOf(packet, kept, of)?.partsFor(true, true, ['plain'], {})[0]?.packets;

test('a kept event goes out with its position, and one that is not with none', () => {
  expect(inline(event('news', 1), 'a.1~')).toEqual(['["news",1,"a.1~"]']);
  expect(inline(event('news', 1), undefined)).toBeUndefined();
  expect(inline({ ...event('news'), id: 1 }, 'a.1~')).toBeUndefined();
});

test('an event that ends with a text has a position all the same: a client would take the text for one', () => {
  expect(inline(event('news', 'b.2~'), undefined)).toEqual(['["news","b.2~","node.7~"]']);
  expect(inline(event('news', 'b.2~'), undefined, { ...context, position: undefined as never })).toBeUndefined();
});

test('in namespaces of the project positions are for agents alone', () => {
  const forms = formsOf(event('news', 'text'), 'a.1~', { ...context, namespace: '/chat' });
  expect(forms?.isForAgents).toBe(true);
  expect(formsOf(event('news', 'text'), undefined, { ...context, namespace: '/chat' })).toBeUndefined();
});
