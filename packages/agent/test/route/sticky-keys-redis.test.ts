import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '@gopush/agent';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../../store/test/support/redis.ts';

const handshake = '/socket.io/?EIO=4&transport=polling';

async function startTarget() {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port, requests };
}

type Target = Awaited<ReturnType<typeof startTarget>>;

/** An agent of a machine of its own: with its own folder, and a Redis that all machines have. */
async function startFarAgent(redisPort: number, targets: readonly Target[]): Promise<Agent> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const agent = await startAgent({
    config: {
      agentPort: 0,
      agent: { host: '127.0.0.1', drainMs: 100 },
      limits: { eventLoopDelayMs: 0 },
      redisAdapter: { host: '127.0.0.1', port: redisPort },
    },
    hooks: { agent: () => 'ann', router: { default: { targets, choose: 'least-connections' } } },
    dir,
  });
  onTestFinished(() => agent.close());
  return agent;
}

/** Begins a session at one agent. @returns how often another agent sends it to its target, of eight times */
async function countHits(one: Agent, other: Agent, targets: readonly Target[]): Promise<number> {
  const before = targets.map(({ requests }) => requests.length);
  await fetch(`${one.url}${handshake}`);
  const home = targets.find(({ requests }, index) => requests.length > (before[index] ?? 0)) as Target;
  const signature = home.requests.at(-1)?.headers['x-gopush-sticky'];
  const had = home.requests.length;
  for (let time = 0; time < 8; time++) await fetch(`${other.url}${handshake}&sid=x.${signature}`);
  return home.requests.length - had;
}

test('without secrets the agents of several machines share the key of signatures by Redis, whether or not that was there at their start', async () => {
  const targets = await Promise.all([startTarget(), startTarget(), startTarget()]);
  const redis = await startRedis();
  const one = await startFarAgent(redis.port, targets);
  await redis.kill();
  const two = await startFarAgent(redis.port, targets);
  // It has a key of its own now, and serves.
  expect((await fetch(two.url)).status).toBe(200);
  await redis.restart();
  // Empty again: whichever agent asks first has its key taken up by all.
  const bothWays = async () => [await countHits(one, two, targets), await countHits(two, one, targets)];
  await expect.poll(bothWays, { timeout: 20_000, interval: 500 }).toEqual([8, 8]);
});
