import { type Client, createClient, type Room } from '@gopush/client';
import { useInbox, usePresence, useRoom } from '@gopush/client/react';
import { type Push, startPushServer } from '@gopush/push-server';
import { defineServer } from '@gopush/push-server/for-hooks';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { openClient } from '../../../test/support/socket-io.ts';

interface Events {
  chat: { text: string };
  typing: undefined;
}

test('events that a program declares are checked by TypeScript, at the client and at the server', async () => {
  const server = await startPushServer({ config: { serverPortStart: 0 } });
  onTestFinished(server.close);
  const push: Push<Events> = server.push;
  const socket = openClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const room = createClient<Events>(socket).join('lobby');
  const heard = new Promise<string>((resolve) => room.on('chat', ({ text }) => resolve(text)));
  await room.joined;
  await push.toRoom('lobby', 'chat', { text: 'hello' });
  expect(await heard).toBe('hello');
  expect(await room.publish('typing')).toMatchObject({ duplicate: false });

  // Only compiled: each line is a mistake that TypeScript has to find.
  const client = createClient<Events>(socket);
  const mistakes = () => [
    // @ts-expect-error the message is missing
    room.publish('chat'),
    // @ts-expect-error the event has no message
    room.publish('typing', 'ann'),
    // @ts-expect-error no such option
    room.publish('chat', { text: 'hello' }, { ide: '1' }),
    // @ts-expect-error the handler wants another message
    room.on('chat', ({ txt }) => txt),
    // @ts-expect-error the message has another type
    room.publish('chat', { txt: 'hello' }),
    // @ts-expect-error there is no such event
    room.on('chatt', () => {}),
    // @ts-expect-error the message has another type
    push.toRoom('lobby', 'chat', 'hello'),
    // @ts-expect-error there is no such event
    push.of('game').toUser('ann', 'news', {}),
    // @ts-expect-error the message has another type
    push.toAll('chat', { text: 1 }),
    // @ts-expect-error there is no such event
    useRoom(client, 'lobby', 'chatt'),
    // @ts-expect-error the message has another type
    useRoom(client, 'lobby', 'chat').publish('hello'),
    // @ts-expect-error the message has no such field
    useRoom(client, 'lobby', 'chat').messages.map(({ message }) => message.txt),
  ];
  // The events of a socket may be declared, too, as Socket.IO does it.
  const declared: Socket<{ news(text: string): void }, { say(text: string): void }> = socket;
  expect(createClient<Events>(declared).join('lobby').name).toBe('lobby');
  // What is not declared may be anything; a declared client is a client, for functions that do not care.
  const rightful = () => {
    const undeclared: Client = createClient(socket);
    const all: Client[] = [undeclared, client];
    const joined: Room[] = [room, undeclared.join('lobby')];
    undeclared.join('lobby').on<{ text: string }>('chat', ({ text }, position, sender) => [text, position, sender]);
    defineServer({
      setup(_io, given: Push<Events>) {
        given.toRoom('lobby', 'typing', undefined);
      },
    });
    const { messages, publish } = useRoom(undeclared, 'lobby', 'any');
    return [
      joined.map((one) => one.publish('any', 1)),
      all.map((one) => [usePresence(one, 'lobby'), useInbox(one)]),
      server.push.toRoom('lobby', 'any', [1]),
      useRoom(client, 'lobby', 'chat').publish({ text: 'hello' }),
      messages.map(({ message }) => message.anything),
      publish(1),
    ];
  };
  expect([mistakes, rightful]).toEqual([expect.any(Function), expect.any(Function)]);
});
