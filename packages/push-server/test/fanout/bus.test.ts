import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConfig } from '@gopush/contract';
import { createRedisClient } from '@gopush/store';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startRedis, startRedisCluster } from '../../../store/test/support/redis.ts';
import type { Fanout } from '../../src/fanout/bus/fanout.ts';
import { bucketCount, bucketOf } from '../../src/fanout/bus/room-buckets.ts';
import { startEmbeddedFanout } from '../../src/fanout/mesh/embedded-fanout.ts';
import { startRedisFanout } from '../../src/fanout/redis/redis-fanout.ts';
import type { Bus } from '../../src/rooms/bus/bus.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };

interface Implementation {
  start(): Promise<Fanout>;
  /** Breaks the connections of all nodes. */
  cut?(): Promise<void>;
}

const implementations: Record<string, () => Promise<Implementation>> = {
  async embedded() {
    const folder = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return { start: () => startEmbeddedFanout(folder, log) };
  },
  async Redis() {
    const { port } = await startRedis();
    const { redisAdapter } = createConfig({ redisAdapter: { port } });
    if (redisAdapter === null) throw new Error('no Redis');
    return {
      start: () => startRedisFanout(redisAdapter, log),
      async cut() {
        const client = createRedisClient(redisAdapter, 1);
        await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        client.disconnect();
      },
    };
  },
  async 'Redis Cluster'() {
    const { ports } = await startRedisCluster();
    const { redisAdapter } = createConfig({
      redisAdapter: { cluster: ports.map((port) => ({ host: '127.0.0.1', port })) },
    });
    if (redisAdapter === null) throw new Error('no Redis');
    return {
      start: () => startRedisFanout(redisAdapter, log),
      async cut() {
        for (const port of ports) {
          const config = createConfig({ redisAdapter: { port } }).redisAdapter;
          if (config === null) throw new Error('no Redis');
          const client = createRedisClient(config, 1);
          await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
          client.disconnect();
        }
      },
    };
  },
};

async function startNode({
  start,
}: Implementation): Promise<{ bus: Bus; heard: string[]; gaps: () => number; fanout: Fanout }> {
  const fanout = await start();
  onTestFinished(() => fanout.close());
  const { bus } = fanout;
  const heard: string[] = [];
  let gaps = 0;
  bus.onMessage((payload) => heard.push(payload.toString()));
  bus.onGap(() => void gaps++);
  await fanout.joined();
  return { bus, heard, gaps: () => gaps, fanout };
}

const nothing = (): void => {};
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `r:room ${index}`);

describe.each(Object.keys(implementations))('bus: %s', (name) => {
  const open = () => (implementations[name] as () => Promise<Implementation>)();

  /** What does not hang on how many servers Redis has. */
  const testOnce = test.skipIf(name === 'Redis Cluster');

  /** Waits until what was sent before has come. */
  async function settle(from: { bus: Bus }, ...to: { bus: Bus; heard: string[] }[]): Promise<void> {
    from.bus.publish(Buffer.from('settled'));
    for (const { heard } of to) await expect.poll(() => heard.includes('settled')).toBe(true);
    for (const { heard } of to) heard.splice(heard.indexOf('settled'), 1);
  }

  test('what is said to a room reaches those that follow it, at once, and nobody else', async () => {
    const kind = await open();
    const [one, two, three] = [await startNode(kind), await startNode(kind), await startNode(kind)];
    const rooms = names(300);
    await Promise.all(
      rooms.map(async (room) => {
        await two.bus.follow(room, nothing);
        one.bus.publishTo(room, Buffer.from(room));
      }),
    );
    // On a cluster, what comes by way of one server says nothing of what comes by way of another.
    await expect.poll(() => two.heard.toSorted()).toEqual(rooms.toSorted());
    await settle(one, two, three);
    expect(two.heard.sort()).toEqual(rooms.sort());
    expect(three.heard).toEqual([]);
    expect(one.heard).toEqual([]);
  });

  testOnce('messages that are published together leave in one write, before their publishers go on', async () => {
    const kind = await open();
    const [one, two] = [await startNode(kind), await startNode(kind)];
    await two.bus.follow('r:a', nothing);
    await settle(one, two);
    const writes = vi.spyOn(Socket.prototype, '_writeGeneric' as 'write');
    onTestFinished(() => writes.mockRestore());
    const texts = names(10);
    const written = await Promise.all(
      texts.map(async (text) => {
        await undefined;
        one.bus.publishTo('r:a', Buffer.from(text));
        // As much as the caller of an async function waits at least when it has returned.
        await undefined;
        return writes.mock.calls.length;
      }),
    );
    expect(written).toEqual(texts.map(() => 1));
    await settle(one, two);
    expect(two.heard).toEqual(texts);
  });

  testOnce('what is sent to all, as an event of a program, leaves before what the program does next', async () => {
    const kind = await open();
    const [one, two] = [await startNode(kind), await startNode(kind)];
    await settle(one, two);
    const writes = vi.spyOn(Socket.prototype, '_writeGeneric' as 'write');
    onTestFinished(() => writes.mockRestore());
    one.bus.publish(Buffer.from('first'));
    one.bus.publish(Buffer.from('second'));
    expect(writes.mock.calls.length).toBe(2);
    await settle(one, two);
    expect(two.heard).toEqual(['first', 'second']);
  });

  testOnce('a room that is followed twice is heard once, until both have left it', async () => {
    const kind = await open();
    const [one, two] = [await startNode(kind), await startNode(kind)];
    await Promise.all([two.bus.follow('r:a', nothing), two.bus.follow('r:a', nothing)]);
    one.bus.publishTo('r:a', Buffer.from('1'));
    await settle(one, two);
    two.bus.unfollow('r:a');
    await settle(two, one);
    one.bus.publishTo('r:a', Buffer.from('2'));
    await settle(one, two);
    two.bus.unfollow('r:a');
    await settle(two, one);
    // Nobody can tell when a subscription has ended at the other side, only that it does.
    await expect
      .poll(async () => {
        two.heard.length = 0;
        one.bus.publishTo('r:a', Buffer.from('3'));
        await settle(one, two);
        return two.heard;
      })
      .toEqual([]);
    await two.bus.follow('r:a', nothing);
    one.bus.publishTo('r:a', Buffer.from('4'));
    await settle(one, two);
    expect(two.heard).toEqual(['4']);
  });

  testOnce('followed and left again and again, it is heard in the end', async () => {
    const kind = await open();
    const [one, two] = [await startNode(kind), await startNode(kind)];
    for (let round = 0; round < 100; round++) {
      const known = two.bus.follow('r:a', nothing);
      if (round % 3 === 0) await known;
      two.bus.unfollow('r:a');
    }
    await two.bus.follow('r:a', nothing);
    one.bus.publishTo('r:a', Buffer.from('heard'));
    await settle(one, two);
    expect(two.heard).toEqual(['heard']);
  });

  testOnce('a node that comes later hears what it follows, and is told what others follow', async () => {
    const kind = await open();
    const one = await startNode(kind);
    await one.bus.follow('r:early', nothing);
    const two = await startNode(kind);
    two.bus.publishTo('r:early', Buffer.from('a'));
    await two.bus.follow('r:late', nothing);
    one.bus.publishTo('r:late', Buffer.from('b'));
    await settle(one, two);
    await settle(two, one);
    expect([one.heard, two.heard]).toEqual([['a'], ['b']]);
    await two.fanout.close();
    await one.bus.follow('r:after', nothing);
    one.bus.publishTo('r:late', Buffer.from('c'));
  });

  testOnce('rooms of one bucket are heard together, and counted apart', async () => {
    const kind = await open();
    const [one, two] = [await startNode(kind), await startNode(kind)];
    const byBucket = new Map<number, string>();
    let pair: [string, string] | undefined;
    for (let index = 0; pair === undefined; index++) {
      const room = `r:${index}`;
      const other = byBucket.get(bucketOf(room));
      if (other !== undefined) pair = [other, room];
      byBucket.set(bucketOf(room), room);
    }
    await Promise.all(pair.map((room) => two.bus.follow(room, nothing)));
    two.bus.unfollow(pair[0]);
    await settle(two, one);
    one.bus.publishTo(pair[1], Buffer.from('heard'));
    await settle(one, two);
    expect(two.heard).toEqual(['heard']);
  });

  test('a connection that is lost comes back with all that is followed, and tells of a gap', async ({ skip }) => {
    const kind = await open();
    if (kind.cut === undefined) return skip('told by mesh.test.ts');
    const [one, two] = [await startNode(kind), await startNode(kind)];
    const rooms = names(2_500);
    await Promise.all(rooms.slice(1).map((room) => two.bus.follow(room, nothing)));
    // Those that have just begun have lost nothing.
    expect([one.gaps(), two.gaps()]).toEqual([0, 0]);
    await kind.cut();
    // While it is away, or just before that is seen.
    two.bus.unfollow(rooms[1] as string);
    await two.bus.follow(rooms[0] as string, nothing);
    await expect.poll(two.gaps, { timeout: 20_000 }).toBeGreaterThan(0);
    // A cluster may have been cut twice, at two of its servers.
    const sayAll = async (): Promise<string[]> => {
      two.heard.length = 0;
      for (const room of rooms) one.bus.publishTo(room, Buffer.from(room));
      await settle(one, two);
      return two.heard.toSorted();
    };
    await expect.poll(sayAll, { timeout: 20_000 }).toEqual(rooms.filter((room) => room !== rooms[1]).toSorted());
  });
});

test('rooms are spread evenly over buckets', () => {
  const used = new Set(names(20_000).map(bucketOf));
  const expected = bucketCount * (1 - Math.exp(-20_000 / bucketCount));
  expect(Math.abs(used.size - expected)).toBeLessThan(expected / 50);
});
