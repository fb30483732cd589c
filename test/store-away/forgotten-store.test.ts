import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRedisClient } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { redisConfig } from '../../packages/store/test/support/stores.ts';
import { believing } from '../support/gateway.ts';
import { startNodes, type TestNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';
import { startWire } from '../support/wire.ts';

/**
 * Changes Redis as if its clock had jumped forward by this many milliseconds: everything expires earlier, and stored times are longer ago. (A real
 * jump would be one of the whole machine.)
 */
const jump = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, math.max(1, left - ARGV[1])) end
  if redis.call('EXISTS', key) == 1 and redis.call('TYPE', key).ok == 'zset' then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, 1e12, '+inf')) do
      redis.call('ZINCRBY', key, -ARGV[1], member)
    end
  end
end
`;

/** The ways to make a store lose all its data while push-servers run. */
const faults: Readonly<Record<string, { kind: string; begin(nodes: TestNodes): Promise<void> }>> = {
  FLUSHALL: {
    kind: 'Redis',
    begin: async (nodes) => void (await redisOf(nodes).call('flushall')),
  },
  'a Redis that starts again without persistence': {
    kind: 'Redis',
    async begin({ redis }) {
      await redis?.kill();
      await redis?.restart();
    },
  },
  // Sessions are kept for 120 s, leases of nodes run for 10 s, the mark of what Redis keeps for 30 s.
  'a jump of the clock of Redis by 10 min': {
    kind: 'Redis',
    begin: async (nodes) => void (await redisOf(nodes).eval(jump, 0, 600_000)),
  },
  'a jump of the clock of Redis by 60 s': {
    kind: 'Redis',
    begin: async (nodes) => void (await redisOf(nodes).eval(jump, 0, 60_000)),
  },
  'a jump of the clock of Redis by 15 s': {
    kind: 'Redis',
    begin: async (nodes) => void (await redisOf(nodes).eval(jump, 0, 15_000)),
  },
  'a folder that is deleted': {
    kind: 'embedded store',
    begin: ({ config }) => rm(config.pushServer?.storeDir ?? '', { recursive: true }),
  },
};

function redisOf({ redis }: TestNodes) {
  const client = createRedisClient(redisConfig({ host: '127.0.0.1', port: redis?.port }), 1);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** How many sessions the store keeps. */
async function keptSessions(nodes: TestNodes): Promise<number> {
  const { storeDir } = nodes.config.pushServer ?? {};
  if (storeDir === undefined) {
    const client = redisOf(nodes);
    const keys = await client.keys('test:s:*').catch(() => []);
    client.disconnect();
    return keys.length;
  }
  const program = fileURLToPath(new URL('../../packages/store/test/programs/count.mjs', import.meta.url));
  return Number((await promisify(execFile)(process.execPath, [program, storeDir, 'session'])).stdout);
}

test.each(Object.keys(faults))(
  'after %s presence is there again, and no client is lost when its push-server crashes',
  async (name) => {
    const { kind, begin } = faults[name] as (typeof faults)[string];
    const nodes = await startNodes(kind);
    const wire = await startWire((await nodes.start()).port);
    let { port } = wire;
    const agent = await startTestAgent({ agent: believing, router: { default: () => [{ ip: '127.0.0.1', port }] } });
    const users = Array.from({ length: 10 }, (_, index) => `u${index}`);
    const clients = await Promise.all(
      users.map((user) => connectClient(agent.url, 'websocket', { query: { user }, reconnection: false })),
    );
    await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
    const next = await nodes.start();
    const store = await nodes.openStore();
    let disconnects = 0;
    for (const client of clients) client.on('disconnect', () => disconnects++);
    await begin(nodes);
    // Each with what leads to it from the private id of its client.
    await expect.poll(() => keptSessions(nodes).catch(() => 0), { timeout: 10_000 }).toBe(2 * users.length);
    const present = async () => (await store.presence.room('r:room', 100).catch(() => undefined))?.users.length;
    await expect.poll(present, { timeout: 10_000 }).toBe(users.length);
    port = next.port;
    wire.crash();
    await Promise.all(
      clients.map(async (client) => {
        const heard = new Promise((resolve) => client.once('chat', resolve));
        client.emit('room', { room: 'room', event: 'chat', message: client.id });
        await heard;
      }),
    );
    expect(disconnects).toBe(0);
  },
);
