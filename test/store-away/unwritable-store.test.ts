import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createRedisClient } from '@gopush/store';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { redisConfig } from '../../packages/store/test/support/stores.ts';
import { believing } from '../support/gateway.ts';
import { startNodes, type TestNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** What keeps a store from being written, while it can be read. */
const faults: Readonly<Record<string, { kind: string; begin(nodes: TestNodes): Promise<void> }>> = {
  'a Redis without memory': {
    kind: 'Redis',
    begin: (nodes) => command(nodes, 'config', 'set', 'maxmemory', '1'),
  },
  'a Redis that is read-only': {
    kind: 'Redis',
    begin: (nodes) => command(nodes, 'replicaof', '127.0.0.1', '1'),
  },
  'an embedded store that is full of what is not evicted': {
    kind: 'embedded store',
    async begin(nodes) {
      const store = await nodes.openStore();
      const bounds = { count: 10_000, bytes: 100_000_000 };
      const put = (count: number) =>
        store.inbox.put('eve', { id: `${count}`, payload: Buffer.alloc(10_000), ttlMs: 60_000 }, bounds);
      for (let count = 0, isFull = false; !isFull; count++) {
        await put(count).catch(({ code }) => {
          expect(code).toBe('store_full');
          isFull = true;
        });
      }
      expect(store.state()).toBe('full');
    },
  },
  'an embedded store that a hung process keeps locked': {
    kind: 'embedded store',
    async begin({ config }) {
      const program = fileURLToPath(new URL('../../packages/store/test/programs/hold.mjs', import.meta.url));
      const child: ChildProcess = fork(program, [config.pushServer?.storeDir ?? '']);
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child, 'message');
    },
  },
};

async function command({ redis }: TestNodes, ...words: [string, ...string[]]): Promise<void> {
  const client = createRedisClient(redisConfig({ host: '127.0.0.1', port: redis?.port }), 1);
  onTestFinished(() => client.disconnect());
  await client.call(...words);
}

test.each(Object.keys(faults))('%s does not keep sessions from moving at a planned restart', async (name) => {
  const { kind, begin } = faults[name] as (typeof faults)[string];
  const nodes = await startNodes(kind);
  const slow = { drainMs: 10_000, storeMaxBytes: 4_194_304 };
  const old = await nodes.start(slow);
  let port = old.port;
  const agent = await startTestAgent({
    agent: believing,
    router: { default: () => [{ ip: '127.0.0.1', port }] },
  });
  const users = Array.from({ length: 12 }, (_, index) => `u${index}`);
  const clients = await Promise.all(
    users.map((user) => connectClient(agent.url, 'websocket', { query: { user }, reconnection: false })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  let disconnects = 0;
  for (const client of clients) client.on('disconnect', () => disconnects++);
  await begin(nodes);
  port = (await nodes.start(slow)).port;
  await old.close();
  await Promise.all(clients.map((client) => hears(client)));
  expect(disconnects).toBe(0);
});

/** Resolves when a client is served again. */
async function hears(client: Socket): Promise<void> {
  const heard = new Promise((resolve) => client.once('chat', resolve));
  client.emit('room', { room: 'room', event: 'chat', message: client.id });
  await heard;
}
