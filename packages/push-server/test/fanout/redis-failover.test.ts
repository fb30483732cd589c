import { createRedisClient, type RedisClient } from '@gopush/store';
import { describe, expect, test } from 'vitest';
import { atOnce } from '../../../../test/support/at-once.ts';
import { type CuttingProxy, startCuttingProxy } from '../../../../test/support/cutting-proxy.ts';
import { startRedis, startRedisCluster, type TestRedis } from '../../../store/test/support/redis.ts';
import { redisConfig } from '../../../store/test/support/stores.ts';
import { expectHonest, joinLobby, publishSteadily, readiness, startNode } from '../support/lobby.ts';

/** Two servers of Redis behind one address. */
interface Pair {
  readonly old: TestRedis;
  readonly next: TestRedis;
  readonly address: CuttingProxy;
  /** Where the address is. */
  readonly port: number;
}

/** A replica is given its copy without waiting for others. */
const undelayed = ['--repl-diskless-sync-delay', '0'];

async function startPair(): Promise<Pair> {
  const old = await startRedis(undelayed);
  const next = await startRedis(['--replicaof', '127.0.0.1', String(old.port), ...undelayed]);
  const address = await startCuttingProxy([old.port]);
  await expect
    .poll(() => ask(next.port, 'INFO', 'replication'), { timeout: 10_000 })
    .toContain('master_link_status:up');
  return { old, next, address, port: Number(new URL(address.url).port) };
}

async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const client: RedisClient = createRedisClient(redisConfig({ host: '127.0.0.1', port }), 1);
  client.on('error', () => {});
  try {
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

/** Connections that clients have to a server, without those of replication and the one that asks. */
async function clientsOf({ port }: TestRedis): Promise<string[]> {
  const lines = String(await ask(port, 'CLIENT', 'LIST'))
    .trim()
    .split('\n');
  return lines.filter((line) => !/ flags=\w*[MS]| cmd=client/.test(line));
}

/** Makes the other server the master, and lets the address lead to it. */
async function switchOver({ next, address }: Pair): Promise<void> {
  await ask(next.port, 'REPLICAOF', 'NO', 'ONE');
  address.ports = [next.port];
}

type Fanout = 'pubsub' | 'sharded' | 'streams';

test('by each fan-out: the old server lives on as a replica, all connections leave it, and nothing that was acknowledged is lost', async () => {
  await atOnce<Fanout>({ pubsub: 'pubsub', sharded: 'sharded', streams: 'streams' }, async (fanout) => {
    const pair = await startPair();
    const adapter = { host: '127.0.0.1', port: pair.port, fanout };
    const one = await startNode('one', adapter);
    const two = await startNode('two', adapter);
    const ann = await joinLobby(one, 'ann');
    const bob = await joinLobby(two, 'bob');
    const publishing = publishSteadily([one, two]);
    await expect.poll(() => bob.kept.length, { timeout: 10_000 }).toBeGreaterThan(10);

    expect((await clientsOf(pair.old)).length).toBeGreaterThan(4);
    // Planned, so that the new master has all that the old one has acknowledged.
    await ask(pair.old.port, 'FAILOVER', 'TO', '127.0.0.1', String(pair.next.port));
    await expect.poll(() => ask(pair.next.port, 'INFO', 'replication'), { timeout: 10_000 }).toContain('role:master');
    pair.address.ports = [pair.next.port];
    // One that starts now is at the new server at once.
    const three = await startNode('three', adapter);
    const cat = await joinLobby(three, 'cat');
    const first = publishing.acknowledged.size;
    await expect.poll(() => publishing.acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(first + 20);
    await expect.poll(() => clientsOf(pair.old), { timeout: 15_000 }).toEqual([]);
    for (const server of [one, two, three]) {
      await expect.poll(() => readiness(server), { timeout: 10_000 }).toMatch(/^200/);
    }
    await publishing.stop();
    for (const member of [ann, bob]) {
      await expect
        .poll(() => [...publishing.acknowledged].filter((n) => !member.kept.includes(n)), { timeout: 10_000 })
        .toEqual([]);
    }
    // What the others published at the old server comes from the history.
    await expect.poll(() => cat.kept.length, { timeout: 10_000 }).toBeGreaterThan(10);
    for (const [index, server] of [one, two, three].entries()) {
      server.io.emit('all', `by ${index}`);
      server.io.to('r:lobby').emit('all', `room ${index}`);
    }
    for (const member of [ann, bob, cat]) {
      await expect
        .poll(() => member.all.toSorted(), { timeout: 10_000 })
        .toEqual(['by 0', 'by 1', 'by 2', 'room 0', 'room 1', 'room 2']);
    }
  });
}, 60_000);

describe('failover behind one address', () => {
  /** Two push-servers with a member each, in front of a pair. */
  async function startTwo(fanout: Fanout = 'pubsub') {
    const pair = await startPair();
    const adapter = { host: '127.0.0.1', port: pair.port, fanout };
    const servers = [await startNode('one', adapter), await startNode('two', adapter)] as const;
    const members = [await joinLobby(servers[0], 'ann'), await joinLobby(servers[1], 'bob')] as const;
    return { pair, adapter, servers, members };
  }

  const hang = async ({ old }: Pair): Promise<void> => old.pause();
  const goOn = async (): Promise<void> => {};
  const restart = async ({ old }: Pair): Promise<void> => old.kill().then(old.restart);

  test('the old server hangs, goes on as a master of its own, or is started again, empty: all connections leave it, and what was lost is told', async () => {
    const variants: Record<string, readonly [Fanout, (pair: Pair) => Promise<void>]> = {
      'hangs, pubsub': ['pubsub', hang],
      'hangs, streams': ['streams', hang],
      'goes on, pubsub': ['pubsub', goOn],
      'goes on, sharded': ['sharded', goOn],
      'goes on, streams': ['streams', goOn],
      'is empty, streams': ['streams', restart],
    };
    await atOnce(variants, async ([fanout, becomes]) => {
      const { pair, adapter, servers, members } = await startTwo(fanout);
      const publishing = publishSteadily(servers);
      await expect.poll(() => members[1].kept.length, { timeout: 10_000 }).toBeGreaterThan(10);
      await switchOver(pair);
      await becomes(pair);
      const cat = await joinLobby(await startNode('three', adapter), 'cat');
      await expect.poll(() => cat.kept.length, { timeout: 15_000 }).toBeGreaterThan(20);
      await publishing.stop();
      await expectHonest(publishing.acknowledged, members);
      // From now on each gets all.
      for (const n of [1e6, 1e6 + 1, 1e6 + 2]) await servers[n % 2]?.push.toRoom('lobby', 'n', n);
      for (const { kept } of [...members, cat]) {
        await expect.poll(() => kept.filter((n) => n >= 1e6), { timeout: 10_000 }).toEqual([1e6, 1e6 + 1, 1e6 + 2]);
      }
      for (const server of servers) await expect.poll(() => readiness(server), { timeout: 10_000 }).toMatch(/^200/);
      pair.old.resume();
    });
  }, 60_000);

  test('an operator makes the only server a replica: push-servers say so, and are ready again when it is the master', async () => {
    const { pair, servers, members } = await startTwo();
    await ask(pair.old.port, 'REPLICAOF', '127.0.0.1', '1');
    for (const server of servers) {
      await expect.poll(() => readiness(server), { timeout: 10_000 }).toMatch(/^503.*fan-out.*leads to a replica/s);
    }
    expect(await servers[0].push.toRoom('lobby', 'n', 1, { keep: 'must' })).toMatchObject({ ok: false });
    const unkept = await servers[0].push.toRoom('lobby', 'live', 1, { keep: 'no' });
    expect(unkept).toEqual({ ok: true, value: { position: null, duplicate: false, partial: true } });
    expect(servers[0].push.toAll('all', 1)).toEqual({ partial: true });
    expect(servers[0].push.moveUser('nobody', 'room', 'join')).toEqual({ partial: true });
    expect(servers[0].push.disconnectUser('nobody')).toEqual({ partial: true });
    await ask(pair.old.port, 'REPLICAOF', 'NO', 'ONE');
    for (const server of servers) await expect.poll(() => readiness(server), { timeout: 10_000 }).toMatch(/^200/);
    await servers[0].push.toRoom('lobby', 'n', 2);
    for (const { kept } of members) await expect.poll(() => kept, { timeout: 10_000 }).toEqual([2]);
  });

  test('a Redis that forbids INFO, ROLE and CONFIG: connections leave a server that has become a replica', async () => {
    const pair = await startPair();
    for (const { port } of [pair.old, pair.next]) {
      await ask(port, 'ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-info', '-role', '-config');
    }
    const adapter = { host: '127.0.0.1', port: pair.port, username: 'app', password: 'pw' };
    const one = await startNode('one', adapter);
    const ann = await joinLobby(one, 'ann');
    await switchOver(pair);
    await ask(pair.old.port, 'REPLICAOF', '127.0.0.1', String(pair.next.port));
    const three = await startNode('three', adapter);
    const cat = await joinLobby(three, 'cat');
    await expect
      .poll(() => one.push.toRoom('lobby', 'n', 1, { id: 'once', keep: 'must' }), { timeout: 10_000 })
      .toMatchObject({ ok: true });
    for (const { kept } of [ann, cat]) await expect.poll(() => kept, { timeout: 10_000 }).toEqual([1]);
  });
});

test('a Redis Cluster moves slots: what is said to everyone still reaches the others, and what is kept goes on', async () => {
  await atOnce<Fanout>({ sharded: 'sharded', streams: 'streams' }, async (fanout) => {
    const { ports } = await startRedisCluster();
    const adapter = { cluster: ports.map((port) => ({ host: '127.0.0.1', port })), fanout };
    const servers = [await startNode('one', adapter), await startNode('two', adapter)] as const;
    const members = [await joinLobby(servers[0], 'ann'), await joinLobby(servers[1], 'bob')] as const;
    for (const name of ['gopush:sharded#/#', 'gopush:stream', 'gopush:h:{r%3Alobby}']) await moveSlot(ports, name);
    let count = 0;
    const speak = async (): Promise<string[]> => {
      servers[0].io.emit('all', `by 0: ${count}`);
      servers[1].io.emit('all', `by 1: ${count++}`);
      await servers[0].push.toRoom('lobby', 'n', count);
      return members.map(({ all }) =>
        ['by 0', 'by 1'].filter((by) => all.slice(-10).some((text) => text.startsWith(by))).join(),
      );
    };
    await expect.poll(speak, { timeout: 15_000, interval: 200 }).toEqual(['by 0,by 1', 'by 0,by 1']);
    for (const { all } of members) all.length = 0;
    servers[0].io.emit('all', 'last 0');
    servers[1].io.emit('all', 'last 1');
    for (const { all } of members)
      await expect
        .poll(() => all.filter((text) => text.startsWith('last')).toSorted(), { timeout: 10_000 })
        .toEqual(['last 0', 'last 1']);
    for (const { kept } of members) await expect.poll(() => kept.at(-1)).toBe(count);
  });
}, 60_000);

/** Moves the slot of a key from the server that has it to another one. */
async function moveSlot(ports: readonly number[], name: string): Promise<void> {
  const slot = String(await ask(ports[0] as number, 'CLUSTER', 'KEYSLOT', name));
  const ids = await Promise.all(ports.map(async (port) => String(await ask(port, 'CLUSTER', 'MYID'))));
  const counts = await Promise.all(
    ports.map((port) => ask(port, 'CLUSTER', 'SLOTS') as Promise<[number, number, [string, number]][]>),
  );
  const owner = counts[0]?.find(([from, to]) => Number(slot) >= from && Number(slot) <= to)?.[2][1] as number;
  const from = ports.indexOf(owner);
  const to = (from + 1) % ports.length;
  const [source, target] = [ports[from] as number, ports[to] as number];
  await ask(target, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from] as string);
  await ask(source, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to] as string);
  const keys = (await ask(source, 'CLUSTER', 'GETKEYSINSLOT', slot, '1000')) as string[];
  if (keys.length > 0) await ask(source, 'MIGRATE', '127.0.0.1', String(target), '', '0', '5000', 'KEYS', ...keys);
  for (const port of ports) await ask(port, 'CLUSTER', 'SETSLOT', slot, 'NODE', ids[to] as string);
}
