import { createClient } from '@gopush/client';
import { type Push, startPushServer } from '@gopush/push-server';
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
  const mistakes = () => [
    // @ts-expect-error the message is missing
    room.publish('chat'),
    // @ts-expect-error the message has another type
    room.publish('chat', { txt: 'hello' }),
    // @ts-expect-error there is no such event
    room.on('chatt', () => {}),
    // @ts-expect-error the message has another type
    push.toRoom('lobby', 'chat', 'hello'),
    // @ts-expect-error there is no such event
    push.of('game').toUser('ann', 'news', {}),
  ];
  expect(mistakes).toBeTypeOf('function');
});
