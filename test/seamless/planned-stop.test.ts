import type { Agent } from '@gopush/agent';
import { expect, test } from 'vitest';
import { startCountingAgent } from '../support/counting-agent.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { admin } from '../support/metrics.ts';
import { describeNodes, startNodes, type TestNodes } from '../support/nodes.ts';

describeNodes('a planned stop with discovery on', (startNodes) => {
  test('agents that hear of it ask for the same sessions, and no client is cut', async () => {
    const { old, clients, cuts, moves, fallbacks } = await startDiscovered(await startNodes(), 120);
    await old.close();
    await expect.poll(() => moves().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(120);
    expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
    expect([cuts, fallbacks()]).toEqual([[], []]);
  });
});

test('gopush drain, twice, with discovery on and a rebalance in its midst: no client is cut', async () => {
  const { agent, old, clients, cuts, moves, fallbacks } = await startDiscovered(await startNodes('embedded store'), 80);
  const put = (url: string | undefined, what: string) => fetch(`${url}/${what}`, { method: 'PUT' });
  await Promise.all([put(old.adminUrl, 'drain'), put(old.adminUrl, 'drain'), put(agent.adminUrl, 'rebalance')]);
  await expect.poll(() => moves().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(80);
  // A session may have moved twice by then.
  await expect.poll(() => old.io.of('/').sockets.size, { timeout: 10_000 }).toBe(0);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect([cuts, fallbacks()]).toEqual([[], []]);
});

test('a stop in the midst of a drain has the time of both, and hands over what is left', async () => {
  const nodes = await startNodes('embedded store');
  const old = await nodes.start({ drainMs: 5_000 }, undefined, admin);
  let live = [old];
  const { agent, moves, fallbacks } = await startCountingAgent(
    { seamless: { movesPerSecond: 50 } },
    { router: { default: () => live.map(({ port }) => ({ ip: '127.0.0.1', port })) } },
  );
  const { clients, cuts } = await connectMany(agent.url, 60, 'user');
  live = [await nodes.start({ drainMs: 5_000 })];
  const drained = fetch(`${old.adminUrl}/drain`, { method: 'PUT' }).catch(() => {});
  await expect.poll(() => moves().length).toBeGreaterThan(0);
  await old.close();
  await drained;
  await expect.poll(() => moves().length).toBe(60);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect([cuts, fallbacks()]).toEqual([[], []]);
});

/** Clients on one of two push-servers that an agent discovers, which is to leave. */
async function startDiscovered(nodes: TestNodes, count: number) {
  const settings = { drainMs: 10_000 };
  const old = await nodes.start(settings, undefined, admin);
  const counting = await startCountingAgent({
    ...nodes.config,
    routing: { discover: true },
    // The agent is to notice that the push-server drains while it does.
    seamless: { movesPerSecond: 60 },
  });
  const { agent } = counting;
  const all = await connectMany(agent.url, count, 'user');
  await nodes.start(settings);
  await expect.poll(() => knownTargets(agent), { timeout: 10_000 }).toBe(2);
  return { ...counting, ...all, old };
}

/** How many targets an agent knows. */
async function knownTargets(agent: Agent): Promise<number> {
  const { products } = (await (await fetch(`${agent.adminUrl}/state`)).json()) as {
    products: { targets: { state: string }[] }[];
  };
  return (products[0]?.targets ?? []).filter(({ state }) => state !== 'left').length;
}
