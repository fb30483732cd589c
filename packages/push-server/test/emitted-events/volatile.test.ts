import { once } from 'node:events';
import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

const start = async (): Promise<PushServer> => (await startPushServers(1))[0] as PushServer;

/** What has come of an event until another one came. */
function listen(client: Awaited<ReturnType<typeof connectClient>>): {
  readonly got: number[];
  readonly end: Promise<unknown>;
} {
  const got: number[] = [];
  client.on('v', (index: number) => got.push(index));
  return { got, end: new Promise((resolve) => client.once('end', resolve)) };
}

test.each(['the server', 'its socket'])(
  'volatile events of %s in one tick all reach a client that keeps up, in order among the others',
  async (who) => {
    const { url, io } = await start();
    const client = await connectClient(url, 'websocket', { query: { uid: 'ann' } });
    const { got, end } = listen(client);
    const [socket] = [...io.of('/').sockets.values()];
    for (let index = 0; index < 100; index++) {
      if (who === 'the server') (index % 3 === 0 ? io : io.volatile).emit('v', index);
      else (index % 3 === 0 ? socket : socket?.volatile)?.emit('v', index);
    }
    if (who === 'the server') io.emit('end');
    else socket?.emit('end');
    await end;
    expect(got).toEqual(Array.from({ length: 100 }, (_, index) => index));
  },
);

test('volatile events are dropped for a client that does not read, which stays and gets later ones', async () => {
  const { url, io } = await start();
  const client = await connectClient(url, 'websocket', { query: { uid: 'ann' } });
  const { got, end } = listen(client);
  const { _socket: below } = (client.io.engine.transport as unknown as { ws: { _socket: NodeJS.ReadStream } }).ws;
  below.pause();
  const filler = 'x'.repeat(100_000);
  for (let index = 0; index < 300; index++) {
    io.volatile.emit('v', index, filler);
    if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  below.resume();
  io.emit('end');
  await end;
  expect(got[0]).toBe(0);
  expect(got.length).toBeLessThan(300);
  const later = once(client as never, 'v');
  io.volatile.emit('v', 1_000);
  expect((await later)[0]).toBe(1_000);
});
