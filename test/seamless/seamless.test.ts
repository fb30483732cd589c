import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

const stores: Record<string, () => Promise<ConfigInput>> = {
  embedded: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    return { pushServer: { fanoutDir: dir, storeDir: join(dir, 'store') } };
  },
  Redis: async () => ({ redisAdapter: { port: (await startRedis()).port } }),
};

/** A logger that remembers what is wrong. */
function rememberTroubles() {
  const lines: unknown[] = [];
  const remember = (...line: unknown[]): void => void lines.push(line);
  return { lines, logger: { ...silentLogger, debug() {}, info() {}, warn: remember, error: remember } };
}

/** What a client has seen of its connection and its room. */
function watch(client: Socket) {
  const seen = { disconnects: 0, numbers: [] as number[], answered: 0, unanswered: 0 };
  client.on('disconnect', () => seen.disconnects++);
  client.on('count', ({ message }: { message: number }) => seen.numbers.push(message));
  return seen;
}

describe.each(Object.keys(stores))('with the store %s', (name) => {
  async function start(count: number, clients: number) {
    const troubles = rememberTroubles();
    const config = await (stores[name] as () => Promise<ConfigInput>)();
    const startServer = async (index: number): Promise<PushServer> => {
      const server = await startPushServer({
        config: {
          serverPortStart: 0,
          ...config,
          pushServer: { drainMs: 5_000, limits: { beginDelayMs: 0 }, ...config.pushServer },
        },
        node: `push-server-${index}`,
        logger: troubles.logger,
      });
      onTestFinished(() => server.close());
      return server;
    };
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => startServer(index)));
    let targets = servers.map(({ port }) => ({ ip: '127.0.0.1', port }));
    const agent = await startAgent({
      config: { agentPort: 0, agent: { host: '127.0.0.1', drainMs: 200 }, limits: { eventLoopDelayMs: 0 } },
      hooks: { agent: believing, router: { default: () => targets } },
      logger: troubles.logger,
    });
    onTestFinished(() => agent.close());
    const connected = await Promise.all(
      Array.from({ length: clients }, (_, index) =>
        connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } }),
      ),
    );
    await Promise.all(connected.map((client) => client.emitWithAck('go:join', 'room')));
    return {
      troubles: troubles.lines,
      servers,
      startServer,
      clients: connected,
      route: (to: readonly PushServer[]) => {
        targets = to.map(({ port }) => ({ ip: '127.0.0.1', port }));
      },
    };
  }

  test('every push-server is restarted, one after the other: no client notices', async () => {
    const { servers, startServer, clients, route, troubles } = await start(2, 20);
    const ids = clients.map(({ id }) => id);
    const seen = clients.map(watch);
    let live = [...servers];
    let said = 0;
    let going = true;
    const say = async (): Promise<void> => {
      while (going) {
        const server = live[said % live.length] as PushServer;
        await server.push.toRoom('room', 'count', { message: said++ });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const ask = async (client: Socket, index: number): Promise<void> => {
      while (going) {
        const { ok } = await client
          .timeout(5_000)
          .emitWithAck('go:presence', { room: 'room' })
          .catch(() => ({ ok: false }));
        const counts = seen[index] as (typeof seen)[number];
        if (!client.connected) return;
        if (ok) counts.answered++;
        else counts.unanswered++;
      }
    };
    const work = [say(), ...clients.map(ask)];
    for (const old of servers) {
      const fresh = await startServer(servers.indexOf(old) + 10);
      live = [...live.filter((server) => server !== old), fresh];
      route(live);
      await old.close();
    }
    going = false;
    await Promise.all(work);
    expect(troubles).toEqual([]);
    await expect.poll(() => seen.map(({ numbers }) => numbers.length)).toEqual(clients.map(() => said));
    for (const counts of seen) {
      expect(counts).toMatchObject({ disconnects: 0, unanswered: 0 });
      expect(counts.numbers).toEqual(Array.from({ length: said }, (_, index) => index));
    }
    expect(clients.map(({ id }) => id)).toEqual(ids);
    // Still in their rooms, and with their acks.
    expect(await clients[0]?.emitWithAck('go:leave', 'never')).toMatchObject({ ok: true, count: 1 });
  });
});

test('where sessions are not kept, a client is let go and told so, rather than left without its rooms', async () => {
  const [one, other] = await startPushServers(2, { pushServer: { recoveryMs: 0 } });
  let targets = targetsOf([one as PushServer]);
  const agent = await startTestAgent({ agent: believing, router: { default: () => targets } });
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await client.emitWithAck('go:join', 'room');
  const gone = nextEvent<string>(client, 'disconnect');
  targets = targetsOf([other as PushServer]);
  await one?.close();
  expect(await gone).toBe('transport close');
});

test('handlers that take their time keep nobody but their own session from moving', async () => {
  const setup = (io: Server) => {
    io.on('connection', (socket) =>
      socket.on('ask', (done: (answer: string) => void) => setTimeout(done, 500, 'answer')),
    );
  };
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const config = { pushServer: { fanoutDir: dir, storeDir: join(dir, 'store'), drainMs: 2_500 } };
  const troubles = rememberTroubles();
  const [one, other] = await startPushServers(2, config, { setup, logger: troubles.logger });
  let targets = targetsOf([one as PushServer]);
  const agent = await startTestAgent({ agent: believing, router: { default: () => targets } });
  const clients = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } }),
    ),
  );
  const seen = clients.map(watch);
  const answers = clients.map((client) => client.emitWithAck('ask'));
  // All are asked before any is stopped.
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  targets = targetsOf([other as PushServer]);
  await one?.close();
  expect(await Promise.all(answers)).toEqual(clients.map(() => 'answer'));
  expect(seen.map(({ disconnects }) => disconnects)).toEqual(clients.map(() => 0));
  expect(troubles.lines).toEqual([]);
  await other?.push.toRoom('room', 'count', { message: 1 });
  await expect.poll(() => seen.map(({ numbers }) => numbers)).toEqual(clients.map(() => [1]));
});

test('a push-server that is alone hands over all its sessions in time, and its successor finds them', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const troubles = rememberTroubles();
  const startAt = async (port: number): Promise<PushServer> => {
    const own = { fanoutDir: dir, storeDir: join(dir, 'store') };
    const pushServer = { ...own, drainMs: 2_000, limits: { beginDelayMs: 0 } };
    const server = await startPushServer({ config: { serverPortStart: port, pushServer }, logger: troubles.logger });
    onTestFinished(() => server.close());
    return server;
  };
  const server = await startAt(await freePort());
  const agent = await startTestAgent({ agent: believing, router: { default: () => targetsOf([server]) } });
  const clients = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } }),
    ),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  const seen = clients.map(watch);
  await server.close();
  expect(troubles.lines).toEqual([]);
  const next = await startAt(server.port);
  await next.push.toRoom('room', 'count', { message: 1 });
  await expect.poll(() => seen.map(({ numbers }) => numbers), { timeout: 10_000 }).toEqual(clients.map(() => [1]));
  expect(seen.map(({ disconnects }) => disconnects)).toEqual(clients.map(() => 0));
});
