import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readMetrics, withAdmin } from '../../packages/agent/test/support/admin.ts';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { startChildProgram } from '../support/child-program.ts';
import { makeFolder } from '../support/cli.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { type Machine, type Network, startMachines, whyNoMachines } from '../support/machines.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { hear } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';
import { undisturbed } from '../support/undisturbed.ts';

const why = whyNoMachines();
describe.skipIf(why !== undefined)(`two machines${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  /** An agent on the first, and a push-server on the second and on that of the test. */
  async function startTwo({ address, machines }: Network) {
    const [first, second] = machines as [Machine, Machine];
    const redis = await startRedis(['--bind', '127.0.0.1', address, '--protected-mode', 'no']);
    const shared: ConfigInput = {
      redisAdapter: { host: address, port: redis.port },
      access: { secrets: ['0123456789abcdef'] },
      serverPortStart: 4_000,
      admin: null,
    };
    const pushServer = { drainMs: 200, limits: { beginDelayMs: 0 } };
    const here = await startPushServer({
      config: { ...shared, serverPortStart: 0, pushServer: { ...pushServer, host: address } },
      node: 'here',
      logger: silentLogger,
    });
    onTestFinished(() => here.close());
    const there = {
      ...(await startChildProgram(
        'chaos-server.mjs',
        [JSON.stringify({ ...shared, pushServer: { ...pushServer, host: second.address } }), 'there'],
        second.prefix,
      )),
      url: `http://${second.address}:4000`,
    };
    const agent = await startChildProgram(
      'chaos-agent.mjs',
      [
        JSON.stringify({
          ...shared,
          agentPort: 4_100,
          routing: { discover: true },
          agent: { drainMs: 200 },
          log: { requests: true },
        }),
      ],
      first.prefix,
    );
    return { first, second, here, there, agent };
  }

  async function say({ push }: PushServer, ...numbers: number[]): Promise<void> {
    for (const number of numbers) await push.toRoom('room', 'count', number);
  }

  /** Clients that poll, of which some have a request that waits at a machine. */
  async function pollAt({ first, second, agent }: Awaited<ReturnType<typeof startTwo>>) {
    const pollers: Socket[] = [];
    const cut = new Set<Socket>();
    const arePolling = (): boolean =>
      agent.lines.some(({ message, target, method }) => {
        return message === 'request' && method === 'POST' && String(target).startsWith(second.address);
      });
    // Which of them go there depends on the address of the machine, which differs in each run.
    while (pollers.length < 8 || !arePolling()) {
      const poller = await connectClient(`http://${first.address}:4100`, 'polling', {
        query: { user: `poller-${pollers.length}` },
        reconnection: true,
        reconnectionDelay: 100,
      });
      poller.on('disconnect', () => cut.add(poller));
      pollers.push(poller);
    }
    return { pollers, cut };
  }

  /** Begins a session of polling. @returns its request that waits for the next packet */
  async function poll(url: string, signal: AbortSignal): Promise<{ readonly waiting: Promise<unknown> }> {
    const [, sid] = /"sid":"(.+?)"/.exec(await (await fetch(url)).text()) ?? [];
    return { waiting: fetch(`${url}&sid=${sid}`, { signal }).catch(() => {}) };
  }

  async function failOverBetween(network: Network, how: 'is not reached' | 'reaches nobody'): Promise<void> {
    const { first, second, here, agent } = await startTwo(network);
    const { clients } = await connectMany(`http://${first.address}:4100`, 12);
    const checks = clients.map(undisturbed);
    const heard = clients.map((client) => hear<number>(client, 'count'));
    await say(here, 0, 1);
    await Promise.all(heard.map((one) => one.count(2)));
    if (how === 'is not reached') first.dropTo(second);
    else second.dropTo(first);
    const began = Date.now();
    await say(here, 2, 3);
    await Promise.all(heard.map((one) => one.count(4)));
    // Messages to a target that was not yet known to be gone are lost.
    const silent = (): Record<string, unknown> | undefined =>
      agent.lines.find(({ message }) => /target is silent/.test(String(message)));
    const moved = (): number =>
      agent.lines.filter(({ message }) => /^session (migrated|failed over)$/.test(String(message))).length;
    await expect.poll(() => silent()?.tunnels === moved(), { timeout: 12_000 }).toBe(true);
    expect(Date.now() - began).toBeLessThan(12_000);
    expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2, 3]));
    for (const check of checks) check();
    expect(silent()).toMatchObject({ cause: expect.stringMatching(/unreachable|left/) });
  }

  test('one is not reached any more, or reaches nobody: the sessions that it had go on at the other one', {
    timeout: 60_000,
  }, async () => {
    const { address, machines } = startMachines(4);
    // At the same time, as both wait for silence.
    await Promise.all([
      failOverBetween({ address, machines: machines.slice(0, 2) }, 'is not reached'),
      failOverBetween({ address, machines: machines.slice(2) }, 'reaches nobody'),
    ]);
  });

  test("one loses power and is back later: requests in flight end, and its old sessions are nobody's", {
    timeout: 90_000,
  }, async () => {
    const two = await startTwo(startMachines(2));
    const { first, second, here, there, agent } = two;
    const { clients } = await connectMany(`http://${first.address}:4100`, 8);
    const checks = clients.map(undisturbed);
    const heard = clients.map((client) => hear<number>(client, 'count'));
    const { pollers, cut } = await pollAt(two);
    await say(here, 0);
    await Promise.all(heard.map((one) => one.count(1)));
    second.unplug();
    const began = Date.now();
    await say(here, 1);
    await Promise.all(heard.map((one) => one.count(2)));
    await expect.poll(() => cut.size, { timeout: 25_000 }).toBeGreaterThan(0);
    await expect.poll(() => pollers.every(({ connected }) => connected), { timeout: 25_000 }).toBe(true);
    expect(Date.now() - began).toBeLessThan(25_000);
    second.plug();
    await expect
      .poll(
        () =>
          fetch(there.url).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(404);
    await say(here, 2);
    await Promise.all(heard.map((one) => one.count(3)));
    expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2]));
    expect(agent.lines.filter(({ message }) => /could not migrate or fail over/.test(String(message)))).toEqual([]);
    for (const check of checks) check();
  });

  test('one to which no WebSocket goes loses power: requests that wait there end as soon as any others', {
    timeout: 90_000,
  }, async () => {
    const two = await startTwo(startMachines(2));
    const { pollers, cut } = await pollAt(two);
    two.second.unplug();
    const began = Date.now();
    // Also those that were sent on connections of their own just now, which fail by themselves.
    const ended = (): boolean => two.agent.lines.some(({ message }) => /target is silent/.test(String(message)));
    await expect.poll(ended, { timeout: 25_000 }).toBe(true);
    // Three seconds of silence, and two attempts to reach it, of a second each.
    expect(Date.now() - began).toBeLessThan(8_000);
    await expect.poll(() => cut.size).toBeGreaterThan(0);
    await expect.poll(() => pollers.every(({ connected }) => connected), { timeout: 25_000 }).toBe(true);
  });

  test.each(['WebSockets', 'requests'] as const)(
    'one that stays in its list and has %s loses power: nobody is led to it until it is back',
    { timeout: 90_000 },
    async (how) => {
      const { address, machines } = startMachines(1);
      const [away] = machines as [Machine];
      const dir = await makeFolder();
      const access = { secrets: ['0123456789abcdef'] };
      const settings: ConfigInput = { access, admin: null, serverPortStart: 4_000 };
      const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store'), limits: { beginDelayMs: 0 } };
      const here = await startPushServer({
        config: { ...settings, pushServer: { ...pushServer, host: address } },
        logger: silentLogger,
      });
      onTestFinished(() => here.close());
      await startChildProgram(
        'chaos-server.mjs',
        [JSON.stringify({ ...settings, pushServer: { ...pushServer, host: away.address } }), 'away'],
        away.prefix,
      );
      const { logger, next } = createMemoryLog();
      const agent = await startTestAgent(
        { agent: believing, router: { default: [address, away.address].map((ip) => ({ ip, port: 4_000 })) } },
        // Only that it is not reached keeps clients away from it.
        { ...withAdmin, access, health: { ejectMs: 1, maxEjectMs: 1 } },
        logger,
      );
      const read = async (name: string) =>
        (await readMetrics(agent)).get(`${name}{product="default",target="${away.address}:4000"}`);
      const users = Array.from({ length: 16 }, (_, index) => `u${index}`);
      const leave = new AbortController();
      for (const user of users) {
        if (how === 'WebSockets') await connectClient(agent.url, 'websocket', { query: { user } });
        else await poll(`${agent.url}/socket.io/?EIO=4&transport=polling&user=${user}`, leave.signal);
      }
      away.unplug();
      expect((await next(/target is silent/)).fields).toMatchObject({ cause: 'unreachable' });
      leave.abort();
      const askAll = () => Promise.all(users.map((user) => fetch(`${agent.url}/?user=${user}`)));
      await askAll();
      const before = await read('target_picks_total');
      // For longer than it is ejected without being tried again.
      for (let round = 0; round < 12; round++) {
        await askAll();
        await delay(500);
      }
      expect(await read('target_picks_total')).toBe(before);
      expect(await read('target_up')).toBe(0);
      away.plug();
      await expect.poll(() => read('target_up'), { timeout: 20_000 }).toBe(1);
      expect((await askAll()).map(({ status }) => status)).toEqual(users.map(() => 404));
      expect(await read('target_picks_total')).toBeGreaterThan(before ?? 0);
    },
  );
});
