import { createConfig } from '@gopush/contract';
import type { RegisteredNode, RegistryStore } from '@gopush/store';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../store/test/support/redis.ts';
import { Heartbeat } from '../../../src/fanout/redis/heartbeat.ts';
import { Peers, readBeat, writeBeat } from '../../../src/fanout/redis/peers.ts';
import { startRedisFanout } from '../../../src/fanout/redis/redis-fanout.ts';

/** A registry in memory, which many share. */
function createRegistry(): RegistryStore & { readonly nodes: Map<string, RegisteredNode> } {
  const nodes = new Map<string, RegisteredNode>();
  const listeners = new Set<(nodes: readonly RegisteredNode[]) => void>();
  const tell = (): void => {
    for (const listener of listeners) listener([...nodes.values()]);
  };
  return {
    nodes,
    async announce(node) {
      nodes.set(node.id, node);
      tell();
    },
    async withdraw(id) {
      nodes.delete(id);
      tell();
    },
    list: async () => [...nodes.values()],
    watch(listener) {
      listeners.add(listener);
      listener([...nodes.values()]);
      return () => void listeners.delete(listener);
    },
  };
}

async function startNode({ port }: TestRedis, registry: RegistryStore, fanout: 'pubsub' | 'streams' = 'pubsub') {
  const lines: string[] = [];
  const write = (first: object | string, second?: string): void => void lines.push(`${second ?? first}`);
  const { redisAdapter } = createConfig({ redisAdapter: { port, fanout } });
  if (redisAdapter === null) throw new Error('no Redis');
  const node = await startRedisFanout(redisAdapter, { debug() {}, info: write, warn: write, error: write });
  onTestFinished(() => node.close());
  await node.joined();
  const leave = node.meet(registry);
  onTestFinished(leave);
  return { ...node, lines, leave };
}

test('push-servers that do not hear those of the registry are not joined; one alone is, and so are those that are left', async () => {
  const registry = createRegistry();
  const [redis, other] = [await startRedis(), await startRedis()];
  const lone = await startNode(redis, registry);
  expect(lone.problem()).toBeUndefined();
  const stray = await startNode(other, registry);
  // Each is asked for itself: they hear themselves, and nobody else.
  for (const node of [lone, stray]) {
    await expect.poll(node.problem, { timeout: 10_000 }).toMatch(/^1 of 1 other push-servers are not heard/);
    await expect.poll(() => node.counts()?.reconnects.silent, { timeout: 10_000 }).toBeGreaterThan(0);
  }
  // Most hear each other: the stray one is not their fault.
  const [two, three] = [await startNode(redis, registry), await startNode(redis, registry)];
  for (const node of [lone, two, three]) await expect.poll(node.problem, { timeout: 10_000 }).toBeUndefined();
  await expect.poll(stray.problem, { timeout: 10_000 }).toMatch(/^[23] of 3 other push-servers are not heard/);
  await stray.leave();
  expect(two.counts()?.peers).toEqual({ expected: 2, missing: 0 });
}, 30_000);

test('a push-server that is heard for the first time is sent a beat at once: it learns from which one on it hears this one', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const sent: Buffer[] = [];
  const ignore = (): void => {};
  const heartbeat = new Heartbeat({
    node: 'a',
    fanout: 'pubsub',
    publish: (beat) => void sent.push(beat),
    isConnected: () => true,
    restore: ignore,
    reconnect: ignore,
    onGap: ignore,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  onTestFinished(() => heartbeat.close());
  vi.advanceTimersByTime(2_100);
  expect(sent).toHaveLength(2);
  for (const name of ['b', 'c'])
    heartbeat.hear(name, writeBeat({ count: 1, losses: 0, fanout: 'pubsub', steadyMs: 0 }));
  vi.advanceTimersByTime(100);
  expect(sent.map((beat) => readBeat(beat)?.count)).toEqual([1, 2, 3]);
  for (const name of ['b', 'c'])
    heartbeat.hear(name, writeBeat({ count: 2, losses: 0, fanout: 'pubsub', steadyMs: 0 }));
  vi.advanceTimersByTime(100);
  expect(sent).toHaveLength(3);
});

test('push-servers of different fan-outs say so', async () => {
  const registry = createRegistry();
  const redis = await startRedis();
  const one = await startNode(redis, registry);
  await startNode(redis, registry, 'streams');
  await expect
    .poll(() => one.lines, { timeout: 10_000 })
    .toContainEqual(expect.stringMatching(/^push-servers have different values of redisAdapter\.fanout/));
});

test('a beat that is missing, or a loss that a push-server tells of, is a gap', () => {
  const peers = new Peers();
  const beat = (count: number, losses = 0) => ({ count, losses, fanout: 'pubsub', steadyMs: 0 });
  expect(peers.heard('a', beat(8), 1_000)).toBe(true);
  expect(peers.heard('a', beat(9), 1_000)).toBe(false);
  expect(peers.heard('a', beat(11), 1_000)).toBe(true);
  expect(peers.heard('a', beat(12, 1), 1_000)).toBe(true);
  expect(peers.heard('a', beat(13, 1), 1_000)).toBe(false);
  for (let tick = 0; tick < 6; tick++) peers.tick();
  expect(peers.heard('a', beat(15, 1), 1_000)).toBe(true);
});

test('a push-server that hung has sent nothing: its next beat is no gap, though its lease had ended', () => {
  const peers = new Peers();
  const beat = (count: number) => ({ count, losses: 0, fanout: 'streams', steadyMs: 0 });
  peers.expect(['a']);
  peers.heard('a', beat(1), 1_000);
  for (let tick = 0; tick < 20; tick++) peers.tick();
  peers.expect([]);
  expect(peers.otherFanouts('pubsub')).toEqual([]);
  peers.expect(['a']);
  expect(peers.heard('a', beat(2), 1_000)).toBe(false);
  expect(peers.otherFanouts('pubsub')).toEqual(['streams']);
  peers.expect([]);
  for (let tick = 0; tick < 20; tick++) peers.tick();
  expect(peers.heard('a', beat(4), 1_000)).toBe(true);
});

test('the first beat that is heard is a gap unless it is the first one of all: the peer may have published elsewhere', () => {
  const peers = new Peers();
  const beat = (count: number, steadyMs = 0) => ({ count, losses: 0, fanout: 'pubsub', steadyMs });
  peers.expect(['a', 'b']);
  expect([peers.heard('a', beat(1), 1_000), peers.heard('a', beat(2), 1_000)]).toEqual([false, false]);
  expect([peers.heard('b', beat(40), 1_000), peers.heard('b', beat(41), 1_000)]).toEqual([true, false]);
  // What it published while this push-server has heard others can only have come here.
  peers.expect(['c', 'd']);
  expect([peers.heard('c', beat(40, 1_000), 1_000), peers.heard('d', beat(40, 999), 1_000)]).toEqual([false, true]);
  expect([peers.heard('unexpected', beat(1), 1_000), peers.heard('other', beat(2), 1_000)]).toEqual([false, true]);
});

test('a push-server that dies is expected no longer than its lease: others do not miss it', () => {
  const peers = new Peers();
  peers.expect(['a', 'b']);
  for (let tick = 0; tick < 5; tick++) peers.tick();
  expect(peers.missing()).toEqual([]);
  peers.expect(['b']);
  for (let tick = 0; tick < 5; tick++) peers.tick();
  expect(peers.missing()).toEqual(['b']);
  peers.heard('b', { count: 1, losses: 0, fanout: 'pubsub', steadyMs: 0 }, 1_000);
  expect(peers.missing()).toEqual([]);
});
