import { EventEmitter } from 'node:events';
import type { Joined } from '@gopush/contract';
import { expect, test } from 'vitest';
import type { GopushError } from '../src/error.ts';
import { OpenRooms } from '../src/open-rooms.ts';
import { readPosition } from '../src/read-position.ts';
import type { Ask, OpenSocket } from '../src/socket.ts';

/** Rooms over a socket that a test plays the server of. */
function startRooms({ recovered = false } = {}) {
  const requests: {
    event: string;
    payload: unknown;
    respond: (response: unknown) => void;
    fail: (error: unknown) => void;
  }[] = [];
  const ask = ((event: string, payload: unknown) =>
    new Promise<unknown>((respond, fail) => requests.push({ event, payload, respond, fail }))) as Ask;
  const lost: string[] = [];
  const socket = Object.assign(new EventEmitter(), { connected: true, recovered }) as unknown as OpenSocket;
  const rooms = new OpenRooms(socket, { ask, retryMs: 1, onRoomLost: ({ name }) => lost.push(name) });
  return { rooms, requests, lost };
}

const joinedAt = (epoch: string, offset: number, recovered = true): { joined: readonly [Joined] } => ({
  joined: [{ room: 'news', position: { epoch, offset }, recovered } as unknown as Joined],
});

test('messages that come before the response to a join are given after it, in order', async () => {
  const { rooms, requests } = startRooms();
  const heard: unknown[] = [];
  const room = rooms.join('news', { epoch: 'old', offset: 3 });
  room.on('item', (message) => heard.push(message));
  rooms.receive('item', ['first', { room: 'news' }, 'new.4~']);
  rooms.receive('item', ['second', { room: 'news' }, 'new.5~']);
  expect(heard).toEqual([]);
  requests[0]?.respond(joinedAt('new', 3));
  await room.joined;
  expect(requests[0]).toMatchObject({ event: 'go:join', payload: { room: 'news', after: 3, epoch: 'old' } });
  expect(heard).toEqual(['first', 'second']);
  expect(room.position).toEqual({ epoch: 'new', offset: 5 });
});

test('a message that has come already is dropped, and one without a position is found by the name of its room', async () => {
  const { rooms, requests } = startRooms();
  const heard: unknown[] = [];
  const room = rooms.join('news', null);
  room.on('item', (message, position) => heard.push([message, position]));
  requests[0]?.respond(joinedAt('a', 7));
  await room.joined;
  rooms.receive('item', ['had', { room: 'news' }, 'a.7~']);
  rooms.receive('item', ['not kept', { room: 'news' }]);
  rooms.receive('item', ['of another room', { room: 'chat' }]);
  rooms.receive('item', ['not of a room']);
  expect(heard).toEqual([['not kept', null]]);
});

test('a new connection enters all rooms, and one that recovers the session only those it was not in', async () => {
  for (const recovered of [false, true]) {
    const { rooms, requests } = startRooms({ recovered });
    const entered = rooms.join('news', null);
    rooms.join('chat', null);
    requests[0]?.respond(joinedAt('a', 1));
    await entered.joined;
    rooms.enterAll();
    const again = requests.slice(2).map(({ payload }) => (payload as { room?: string }).room ?? payload);
    expect(again).toEqual(recovered ? ['chat'] : ['news', 'chat']);
  }
});

test('a room that is refused is lost, and one whose server is overloaded is entered again', async () => {
  const { rooms, requests, lost } = startRooms();
  const room = rooms.join('news', null);
  requests[0]?.fail({ code: 'overloaded' } satisfies Partial<GopushError>);
  while (requests.length < 2) await new Promise(setImmediate);
  requests[1]?.fail({ code: 'room_refused' });
  await expect(room.joined).rejects.toMatchObject({ code: 'room_refused' });
  expect(lost).toEqual(['news']);
  // The name is free again.
  expect(rooms.join('news', null)).not.toBe(room);
});

test('only the last argument in the form of a position is one', () => {
  expect(readPosition('ab-c_9.12~')).toEqual({ epoch: 'ab-c_9', offset: 12 });
  for (const text of ['a.1', 'a.1~ ', `${'a'.repeat(65)}.1~`, 'a.1234567890123456~', '.1~', undefined, 7, ['a.1~']]) {
    expect(readPosition(text)).toBeUndefined();
  }
});
