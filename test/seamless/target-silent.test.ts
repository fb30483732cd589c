import { setTimeout as delay } from 'node:timers/promises';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { startLosingWire } from '../support/losing-wire.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { hear, startNodes } from '../support/nodes.ts';
import { undisturbed } from '../support/undisturbed.ts';

/** @param ways - where the wire of a target loses what goes through it */
async function failOverFrom(ways: readonly ('to the target' | 'to the client')[]): Promise<void> {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const two = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { logger, lines } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [wire.port, two.port] }] } },
    { seamless: { silentMs: 1_500 } },
    logger,
  );
  const { clients } = await connectMany(url, 8);
  const checks = clients.map(undisturbed);
  const heard = clients.map((client) => hear<number>(client, 'count'));
  const had = one.io.of('/').sockets.size;
  expect(had).toBeGreaterThan(0);
  for (let number = 0; number < 3; number++) await two.push.toRoom('room', 'count', number);
  await Promise.all(heard.map((one) => one.count(3)));
  for (const way of ways) wire.lost[way] = true;
  for (let number = 3; number < 6; number++) await two.push.toRoom('room', 'count', number);
  await Promise.all(heard.map((one) => one.count(6)));
  await expect.poll(() => two.io.of('/').sockets.size, { timeout: 10_000 }).toBe(8);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2, 3, 4, 5]));
  for (const check of checks) check();
  expect(lines.filter(({ message }) => /target is silent/.test(message)).map(({ fields }) => fields)).toMatchObject([
    { cause: 'silent', tunnels: had },
  ]);
}

test('when a wire loses what goes either way, or one way, sessions fail over to another target, and go on there once', async () => {
  // At the same time, as each waits for silence.
  await Promise.all([
    failOverFrom(['to the target', 'to the client']),
    failOverFrom(['to the target']),
    failOverFrom(['to the client']),
  ]);
});

test('what waits in an inbox, and was given where it got lost, is given again after the failover', async () => {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const two = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [wire.port, two.port] }] } },
    { seamless: { silentMs: 1_500 } },
  );
  const { clients } = await connectMany(url, 8);
  const index = clients.findIndex(({ id }) => one.io.of('/').sockets.has(id as string));
  const client = clients[index] as Socket;
  const check = undisturbed(client);
  const letters: string[] = [];
  client.on('go:inbox', ({ id }: { id: string }, ack: (id: string) => void) => {
    letters.push(id);
    ack(id);
  });
  wire.lost['to the client'] = true;
  await two.push.toUser(`user-${index}`, 'letter', 1, { deliver: 'store', id: 'first' });
  // Has its session written down once more.
  client.emit('go:join', 'another');
  await expect.poll(() => two.io.of('/').sockets.size, { timeout: 10_000 }).toBe(8);
  await expect.poll(() => letters, { timeout: 10_000 }).toEqual(['first']);
  check();
});

test('an idle target is asked for a sign of life, which its clients do not see, and is left alone while it gives one', async () => {
  const nodes = await startNodes('embedded store');
  const servers = [await nodes.start(), await nodes.start()];
  const { url } = await startTestAgent(
    {
      agent: believing,
      router: { default: [{ ip: '127.0.0.1', ports: servers.map(({ port }) => port) }] },
    },
    { seamless: { silentMs: 1_000 } },
  );
  const { clients } = await connectMany(url, 4);
  const checks = clients.map(undisturbed);
  const pongs: string[] = [];
  for (const client of clients) {
    const { ws } = client.io.engine.transport as unknown as {
      ws: { on(event: string, heard: (b: Buffer) => void): void };
    };
    ws.on('pong', (payload) => pongs.push(String(payload)));
  }
  await delay(2_600);
  for (const check of checks) check();
  expect(pongs).toEqual([]);
});

test('where no other target is there, clients keep theirs while it is silent', async () => {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', port: wire.port }] } },
    { seamless: { silentMs: 1_000, holdMs: 500 } },
  );
  const { clients } = await connectMany(url, 1);
  const [client] = clients as [Socket];
  const check = undisturbed(client);
  wire.lost['to the client'] = true;
  await delay(3_000);
  wire.lost['to the client'] = false;
  expect(await roomCountsOf([client])).toEqual([1]);
  check();
});
