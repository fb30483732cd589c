import { expect, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';
import { startPm2 } from '../../../../test/support/pm2.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';

/** Clients in one room, each of which counts what it missed and what it noticed. */
async function connectAll(url: string, count: number) {
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => connectClient(url, 'websocket', { query: { user: `u${index}` } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'lobby')));
  let disconnects = 0;
  const heard = clients.map((client) => {
    const numbers: number[] = [];
    client.on('disconnect', () => disconnects++);
    client.on('count', ({ message }: { message: number }) => numbers.push(message));
    return numbers;
  });
  let said = 0;
  const speaker = await connectClient(url, 'websocket', { query: { user: 'speaker' } });
  speaker.on('disconnect', () => disconnects++);
  const timer = setInterval(() => speaker.emit('room', { room: 'lobby', event: 'count', message: said++ }), 50);
  return {
    async stop() {
      clearInterval(timer);
      const all = Array.from({ length: said }, (_, index) => index);
      await expect.poll(() => heard.every((numbers) => numbers.length >= said), { timeout: 10_000 }).toBe(true);
      for (const client of [...clients, speaker]) client.off('disconnect').disconnect();
      return { disconnects, complete: heard.filter((numbers) => numbers.join() === all.join()).length };
    },
  };
}

/** Which push-servers serve new clients. */
async function serversOf(url: string): Promise<string[]> {
  const names = Array.from({ length: 24 }, async (_, index) => {
    const client = openClient(url, 'websocket', { query: { user: `new-${index}` } });
    const { server } = await nextEvent<{ server: string }>(client, 'go:welcome');
    client.disconnect();
    return server;
  });
  return [...new Set(await Promise.all(names))].sort();
}

test('pm2 scale, up and down to one: new push-servers get clients, and nobody who is connected notices', {
  timeout: 240_000,
}, async () => {
  const { dir, url } = await makeProject({ agentWorkers: 1, serverWorkers: 2, pushServer: { drainMs: 10_000 } });
  const { env, pm2, list } = await startPm2();
  expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).code).toBe(0);
  const clients = await connectAll(url, 20);
  const name = (await list()).find((one) => one.name.endsWith('-push-server'))?.name as string;
  const nameOf = (index: number) => `push-server-${index}`;
  expect(await serversOf(url)).toEqual([0, 1].map(nameOf));
  await pm2('scale', name, '+1');
  await expect.poll(() => serversOf(url), { timeout: 20_000 }).toEqual([0, 1, 2].map(nameOf));
  // pm2 ends the oldest ones: the one that is left has a port that no setting names.
  await pm2('scale', name, '1');
  await expect.poll(() => serversOf(url), { timeout: 20_000 }).toEqual([2].map(nameOf));
  expect(await clients.stop()).toEqual({ disconnects: 0, complete: 20 });
  expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
});
