import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { hear, startNodes } from '../support/nodes.ts';
import { undisturbed } from '../support/undisturbed.ts';

/** A proxy of which either side can be cut without the other noticing, as by a firewall that forgets connections. */
async function startForgetfulLink(port: number) {
  const sides = { agent: new Set<Socket>(), 'push-server': new Set<Socket>() };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sides.agent.add(near);
    sides['push-server'].add(far);
    near.on('data', (chunk) => void far.write(chunk)).on('error', () => {});
    far.on('data', (chunk) => void near.write(chunk)).on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (side: keyof typeof sides): void => {
    for (const socket of sides[side]) socket.destroy();
  };
  onTestFinished(() => {
    cut('agent');
    cut('push-server');
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    /** Cuts the connections that there are now, as one side sees them. @returns cuts them as the other side does */
    cutAtAgent() {
      const far = [...sides['push-server']];
      cut('agent');
      return () => {
        for (const socket of far) socket.destroy();
      };
    },
  };
}

test('a push-server that takes a session back which it still has on a connection that was cut unnoticed serves it on when that closes', async () => {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const link = await startForgetfulLink(one.port);
  const { logger, next } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', port: link.port }] } },
    { handOff: { enabled: false } },
    logger,
  );
  const { clients } = await connectMany(url, 4);
  const checks = clients.map(undisturbed);
  const heard = clients.map((client) => hear<number>(client, 'count'));
  const own = clients.map((client) => hear<number>(client, 'own'));
  await one.push.toRoom('room', 'count', 0);
  await Promise.all(heard.map((one) => one.count(1)));
  const cutAtPushServer = link.cutAtAgent();
  for (let count = 0; count < 4; count++) await next(/^session (migrated|failed over)$/);
  await one.push.toRoom('room', 'count', 1);
  await Promise.all(heard.map((one) => one.count(2)));
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  cutAtPushServer();
  await expect.poll(() => one.io.engine.clientsCount).toBe(4);
  await one.push.toRoom('room', 'count', 2);
  for (let user = 0; user < 4; user++) await one.push.toUser(`user-${user}`, 'own', user);
  await Promise.all(heard.map((one) => one.count(3)));
  await Promise.all(own.map((one) => one.count(1)));
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  for (const check of checks) check();
});

test('one whose client comes back to it, and which still has it on such a connection, serves it on as well', async () => {
  const nodes = await startNodes('embedded store');
  const [one, two] = [await nodes.start(), await nodes.start()];
  const link = await startForgetfulLink(one.port);
  const { url } = await startTestAgent(
    { agent: believing, router: { default: { ip: '127.0.0.1', ports: [link.port, two.port] } } },
    { handOff: { enabled: false } },
  );
  const { clients } = await connectMany(url, 8);
  const had = clients.filter(({ id }) => one.io.of('/').sockets.has(id as string));
  expect(had.length).toBeGreaterThan(0);
  const ids = had.map(({ id }) => id);
  const cutAtPushServer = link.cutAtAgent();
  await expect.poll(() => two.io.of('/').sockets.size).toBe(8);
  await one.push.toRoom('room', 'count', 0);
  const heard = had.map((client) => hear<number>(client, 'count'));
  await Promise.all(heard.map((one) => one.count(1)));
  for (const client of had) client.io.engine.close();
  // Stored there, so that it is found at once.
  await expect.poll(() => two.io.of('/').sockets.size).toBe(8 - had.length);
  await delay(300);
  for (const client of had) client.connect();
  await expect.poll(() => had.map(({ id, connected }) => connected && id)).toEqual(ids);
  cutAtPushServer();
  await expect.poll(() => one.io.engine.clientsCount).toBe(had.length);
  await two.push.toRoom('room', 'count', 1);
  await Promise.all(heard.map((one) => one.count(2)));
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
});
