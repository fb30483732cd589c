import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { projectFolder } from '../support/cluster.ts';
import { rows } from '../support/long.ts';

const program = fileURLToPath(new URL('../programs/told-cluster.mjs', import.meta.url));

const nodesTold = 50;

/** Connections and rooms of all nodes together. */
const some = { connections: 20_000, rooms: 5_000 };
const many = { connections: 100_000, rooms: 10_000 };

/** Length of a window, in milliseconds, and how many there are. What else the machine does adds to the CPU time; the least is what it costs. */
const windows = { ms: 3_000, each: 5 };

type Opens = () => Promise<{ readonly folder: string } | { readonly redisPort: number }>;
const folder: Opens = async () => ({ folder: join(await projectFolder(), 'store') });
const redis: Opens = async () => ({ redisPort: (await startRedis()).port });

interface Row {
  readonly over: string;
  readonly open: Opens;
  readonly connections: number;
  readonly rooms: number;
}

test.each(
  rows<Row>(
    [{ over: 'a folder', open: folder, ...some }],
    [
      { over: 'Redis', open: redis, ...some },
      { over: 'Redis', open: redis, ...many },
    ],
  ),
)(
  'over $over, 50 nodes tell of $connections connections and $rooms rooms with a hundredth of a core each, and an open page takes two',
  { timeout: 120_000 },
  async ({ open, ...told }) => {
    const store = await open();
    const numbers = { connections: told.connections / nodesTold, rooms: told.rooms / nodesTold };
    const start = async (part: object): Promise<{ child: ChildProcess; said: string }> => {
      const child = fork(program, [JSON.stringify({ store, ...numbers, ...part })], {
        env: { ...process.env, OPTIMIZE_EARLY: '1' },
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const [said] = (await once(child, 'message')) as [string];
      return { child, said };
    };
    await start({ from: 1, to: nodesTold });
    const { child, said: url } = await start({ from: 0, to: 1, shows: true });
    const cpuMs = async (): Promise<number> => {
      child.send('?');
      return (await once(child, 'message'))[0] as number;
    };
    /** The least share of a core, in percent. */
    const share = async (): Promise<number> => {
      const shares: number[] = [];
      for (let times = 0; times < windows.each; times++) {
        const [before, startedAt] = [await cpuMs(), performance.now()];
        await delay(windows.ms);
        shares.push(((await cpuMs()) - before) / ((performance.now() - startedAt) / 100));
      }
      return Math.min(...shares);
    };
    expect(await share()).toBeLessThan(1);
    const leave = new AbortController();
    const live = await fetch(`${url}/cluster/live`, { signal: leave.signal });
    const reading = (async () => {
      // As the page does.
      let states = 0;
      for await (const chunk of live.body ?? []) {
        if (Buffer.from(chunk).includes('event: state') && states++ % 10 === 0)
          await (await fetch(`${url}/cluster/history`, { signal: leave.signal })).arrayBuffer();
      }
    })().catch(() => {});
    expect(await share()).toBeLessThan(2);
    leave.abort();
    await reading;
    for (const path of ['/cluster', '/cluster/history']) {
      let leastMs = Number.POSITIVE_INFINITY;
      for (let times = 0; times < 3; times++) {
        // What was read before is not shown again.
        await delay(1_000);
        const before = await cpuMs();
        expect((await fetch(url + path)).status).toBe(200);
        leastMs = Math.min(leastMs, (await cpuMs()) - before);
      }
      expect(leastMs).toBeLessThan(100);
    }
    const { nodes, tiers } = (await (await fetch(`${url}/cluster`)).json()) as {
      readonly nodes: readonly unknown[];
      readonly tiers: Record<string, { readonly connections: number }>;
    };
    expect(nodes).toHaveLength(nodesTold);
    expect(Object.values(tiers).reduce((sum, { connections }) => sum + connections, 0)).toBe(told.connections);
  },
);
