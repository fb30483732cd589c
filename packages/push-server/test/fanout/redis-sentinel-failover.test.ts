import { type ConfigInput, createConfig, type RedisConfig } from '@gopush/contract';
import { openRedisStore } from '@gopush/store';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { atOnce } from '../../../../test/support/at-once.ts';
import { type Certificates, makeCertificates, startTlsSentinel } from '../../../store/test/support/redis-tls.ts';
import { expectHonest, joinLobby, publishSteadily, readiness, startNode } from '../support/lobby.ts';

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const work of cleanups.reverse()) await work();
});

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates((work) => void cleanups.push(work));
});

test('by each fan-out: sentinels put another Redis in the place of one that hangs or dies, all with TLS and passwords: what was acknowledged comes, or is told to be missing', async () => {
  const variants: Record<string, readonly ['pubsub' | 'sharded' | 'streams', 'hangs' | 'dies']> = {
    pubsub: ['pubsub', 'hangs'],
    sharded: ['sharded', 'dies'],
    streams: ['streams', 'hangs'],
  };
  await atOnce(variants, async ([fanout, how]) => {
    const passwords = { password: 'of-redis', sentinelPassword: 'of-sentinels' };
    const { port, master } = await startTlsSentinel(certificates, passwords, onTestFinished);
    const adapter = {
      ...passwords,
      fanout,
      sentinels: [{ host: '127.0.0.1', port }],
      tls: true,
      tlsOptions: { ca: certificates.ca },
    };
    const servers = [await startNode('one', adapter), await startNode('two', adapter)] as const;
    const members = [await joinLobby(servers[0], 'ann'), await joinLobby(servers[1], 'bob')] as const;
    for (const server of servers) expect(await readiness(server)).toMatch(/^200/);
    const publishing = publishSteadily(servers);
    await expect.poll(() => members[1].kept.length, { timeout: 10_000 }).toBeGreaterThan(10);

    if (how === 'hangs') master.pause();
    else await master.kill();
    await expect.poll(() => readiness(servers[0]), { timeout: 10_000 }).toMatch(/^503/);
    for (const server of servers) await expect.poll(() => readiness(server), { timeout: 15_000 }).toMatch(/^200/);
    const before = publishing.acknowledged.size;
    await expect.poll(() => publishing.acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(before + 10);
    await publishing.stop();
    await expectHonest(publishing.acknowledged, members);
    // Again and again: what programs emit is given up when a connection is just being made anew.
    const emitting = setInterval(() => {
      for (const [index, server] of servers.entries()) server.io.emit('all', `by ${index}`);
    }, 200);
    for (const { all } of members) {
      await expect.poll(() => [...new Set(all)].toSorted(), { timeout: 10_000 }).toEqual(['by 0', 'by 1']);
    }
    clearInterval(emitting);
    master.resume();
  });
}, 60_000);

test('sentinels that are asked in a wrong way: the problem says what to change, and no password', async () => {
  const passwords = { password: 'of-redis', sentinelPassword: 'of-sentinels' };
  const { port } = await startTlsSentinel(certificates, passwords, onTestFinished);
  const right = {
    ...passwords,
    sentinels: [{ host: '127.0.0.1', port }],
    tls: true,
    tlsOptions: { ca: certificates.ca },
  };
  const problems = await Promise.all(
    [
      [{ ...right, sentinelName: 'other' }, 'redisAdapter.sentinelName'],
      [{ ...right, sentinelPassword: 'wrong-one' }, 'redisAdapter.sentinelPassword'],
      [{ ...right, sentinelTls: false }, 'redisAdapter.sentinelTls'],
      [{ ...right, password: 'wrong-one' }, 'redisAdapter.username and password'],
    ].map(async ([redisAdapter, wanted]) => {
      const store = await openRedisStore(createConfig({ redisAdapter } as ConfigInput).redisAdapter as RedisConfig);
      // The sentinels may have been slow at first, which is another problem.
      await expect.poll(store.problem, { timeout: 15_000 }).toContain(wanted);
      const problem = store.problem();
      await store.close();
      return problem;
    }),
  );
  expect(problems.join('\n')).not.toMatch(/wrong-one|of-redis|of-sentinels/);
});
