import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { hear, startNodes } from '../support/nodes.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

type Pair = [PushServer, PushServer];

/** How a program sends a number to one client that is in the room `den`, by either of two push-servers. */
const ways: Readonly<Record<string, (by: PushServer, n: number, id: string) => unknown>> = {
  'io.emit': ({ io }, n) => io.emit('n', n),
  'io.to(room)': ({ io }, n) => io.to('den').emit('n', n),
  'io.in(room)': ({ io }, n) => io.in(['den', 'elsewhere']).emit('n', n),
  'io.except': ({ io }, n) => io.except('elsewhere').emit('n', n),
  'io.to(id)': ({ io }, n, id) => io.to(id).emit('n', n),
  'namespace.emit': ({ io }, n) => io.of('/').emit('n', n),
  'io.send with compress': ({ io }, n) => io.compress(true).emit('n', n),
  'text that looks like a mark': ({ io }, n) => io.emit('n', n, 'a.1~'),
  'push.toAll': ({ push }, n) => push.toAll('n', n),
  'push.toRoom': ({ push }, n) => push.toRoom('lobby', 'n', n),
  'push.toUser': ({ push }, n) => push.toUser('ann', 'n', n),
};

const fanouts = ['embedded', 'pubsub', 'sharded', 'streams'] as const;

/** Two push-servers, and a client that a test cuts off. */
async function start(fanout: (typeof fanouts)[number] = 'embedded', settings = {}) {
  const nodes = await startNodes(fanout === 'embedded' ? 'embedded store' : 'Redis');
  const others = fanout === 'embedded' ? {} : { redisAdapter: { ...(nodes.config.redisAdapter as object), fanout } };
  const startOne = () => nodes.start(settings, undefined, others as object);
  const servers: Pair = [await startOne(), await startOne()];
  for (const { io } of servers) {
    io.on('connection', (socket) => {
      if (!socket.recovered) void socket.join('den');
    });
  }
  const proxy = await startCuttingProxy([servers[0].port]);
  const client = await connectClient(proxy.url, 'websocket', { query: { uid: 'ann' } });
  await client.emitWithAck('go:join', 'lobby');
  const heard = hear<number>(client, 'n');
  return { servers, proxy, client, heard };
}

async function cut(client: Socket, proxy: CuttingProxy): Promise<void> {
  const lost = nextEvent(client, 'disconnect');
  proxy.cut();
  await lost;
}

async function comeBack(client: Socket, proxy: CuttingProxy, { port }: PushServer): Promise<boolean> {
  proxy.ports = [port];
  const back = nextEvent(client, 'connect');
  client.connect();
  await back;
  return client.recovered;
}

/** Resolves when nothing more is on its way from either push-server. */
async function settle(client: Socket, servers: Pair): Promise<void> {
  for (const { io } of servers) {
    const last = nextEvent(client, 'last');
    await expect.poll(() => io.to(client.id as string).fetchSockets(), { timeout: 10_000 }).toHaveLength(1);
    io.to(client.id as string).emit('last');
    await last;
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe.each(fanouts)('what programs send while a client is cut off, over %s', (fanout) => {
  test('reaches it once, by either node, at the same node and at the other', async () => {
    const { servers, proxy, client, heard } = await start(fanout);
    const { id } = client;
    const sent: number[] = [];
    let n = 0;
    for (const back of [0, 1, 1, 0]) {
      for (const send of Object.values(ways)) {
        sent.push(n);
        await send(servers[n % 2] as PushServer, n++, id as string);
      }
      await heard.has(n - 1);
      await settle(client, servers);
      await cut(client, proxy);
      for (const by of servers) {
        for (const send of Object.values(ways)) {
          sent.push(n);
          await send(by, n++, id as string);
        }
      }
      expect(await comeBack(client, proxy, servers[back] as PushServer)).toBe(true);
      expect(client.id).toBe(id);
      await settle(client, servers);
      expect(heard.all.toSorted((a, b) => a - b)).toEqual(sent);
    }
  }, 60_000);

  test('reaches it once although nobody had noticed that it is truncated off', async () => {
    const { servers, proxy, client, heard } = await start(fanout);
    for (const back of [1, 0]) {
      const from = heard.all.length;
      proxy.hold();
      const here = [...servers].flatMap(({ io }) => io.of('/').sockets.get(client.id as string) ?? []);
      for (let n = from; n < from + 20; n++) {
        if (n % 3 === 0) here[0]?.emit('n', n, Buffer.from([n]));
        else servers[n % 2]?.io.emit('n', n, { bytes: Buffer.from([n]) });
      }
      // All that the other node has sent is here before the connection is cut.
      await expect
        .poll(async () => (await Promise.all(servers.map(({ io }) => io.fetchSockets()))).flat().length)
        .toBeGreaterThan(0);
      await cut(client, proxy);
      expect(await comeBack(client, proxy, servers[back] as PushServer)).toBe(true);
      await settle(client, servers);
      expect(heard.all.toSorted((a, b) => a - b)).toEqual(upTo(from + 20));
    }
  });
});

describe('what cannot be given again', () => {
  test.each([
    ['too many events for one client', { emitted: { clientCount: 5 } }],
    ['too many bytes for one client', { emitted: { clientBytes: 100 } }],
    ['too many events for a push-server', { emitted: { nodeCount: 10 } }],
    ['too many bytes for a push-server', { emitted: { nodeBytes: 2_000 } }],
    ['rooms without a history', { history: { count: 0 } }],
  ])('%s: the client is told that it begins anew', async (_, settings) => {
    const { servers, proxy, client, heard } = await start('embedded', settings);
    const { id } = client;
    await cut(client, proxy);
    for (let n = 0; n < 20; n++) servers[n % 2]?.io.emit('n', n);
    expect(await comeBack(client, proxy, servers[0])).toBe(false);
    expect(client.id).not.toBe(id);
    const here = servers[0].io.of('/').sockets.get(client.id as string);
    expect(here?.recovered).toBe(false);
    servers[1].io.emit('n', 20);
    await heard.has(20);
    expect(heard.all).toEqual([20]);
  });

  test('what others missed, is volatile or wants an answer costs nobody the session', async () => {
    const { servers, proxy, client, heard } = await start('embedded', { emitted: { clientCount: 2 } });
    await cut(client, proxy);
    for (let n = 0; n < 20; n++) {
      servers[n % 2]?.io.to('elsewhere').emit('n', n);
      servers[n % 2]?.io.except('den').emit('n', n);
      servers[n % 2]?.io.volatile.emit('n', n);
      servers[n % 2]?.io.timeout(100).emit('n', n, () => {});
    }
    servers[1].io.emit('n', 20);
    expect(await comeBack(client, proxy, servers[1])).toBe(true);
    await settle(client, servers);
    expect(heard.all).toEqual([20]);
  });

  test('a push-server that began later has not heard all', async () => {
    const nodes = await startNodes('embedded store');
    const one = await nodes.start();
    const proxy = await startCuttingProxy([one.port]);
    const client = await connectClient(proxy.url, 'websocket', { query: { uid: 'ann' } });
    await client.emitWithAck('go:join', 'lobby');
    await cut(client, proxy);
    one.io.emit('n', 1);
    const two = await nodes.start();
    expect(await comeBack(client, proxy, two)).toBe(false);
  });
});

test('a session that migrates again and again gets each event once, whichever push-server sends it', async () => {
  const servers = await startPushServers(2, { admin: { serverPort: 0 }, pushServer: { drainMs: 3_000 } });
  const agent = await startTestAgent({ agent: believing, router: { default: () => targetsOf(servers) } });
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  let disconnects = 0;
  client.on('disconnect', () => disconnects++);
  await client.emitWithAck('go:join', 'lobby');
  const heard = hear<number>(client, 'n');
  let n = 0;
  const sending = setInterval(() => {
    for (const { io } of servers) io.emit('n', n++);
    for (const { io } of servers) io.to(client.id as string).emit('n', n++);
  }, 2);
  for (let round = 0; round < 6; round++) {
    const home = servers.find(({ io }) => io.of('/').sockets.has(client.id as string)) as PushServer;
    const other = servers.find((server) => server !== home) as PushServer;
    const response = await fetch(`${home.adminUrl}/drain`, { method: 'PUT' });
    expect(response.status).toBe(200);
    await expect.poll(() => other.io.of('/').sockets.has(client.id as string), { timeout: 10_000 }).toBe(true);
  }
  clearInterval(sending);
  await heard.has(n - 1);
  await settle(client, servers as Pair);
  expect(heard.all.toSorted((a, b) => a - b)).toEqual(upTo(n));
  expect(disconnects).toBe(0);
});
