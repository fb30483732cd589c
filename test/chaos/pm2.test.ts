import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort, startRedis, type TestRedis } from '../../packages/store/test/support/redis.ts';
import { keys } from '../support/api.ts';
import { type Ended, gopush, makeProject } from '../support/cli.ts';
import { handsOver } from '../support/hands-over.ts';
import { type Pm2Listed, startPm2 } from '../support/pm2.ts';
import { isAlive } from '../support/process-table.ts';
import { readMoves, report } from './report.ts';
import { type Counts, handlerMs, startTraffic, unnoticed, unnoticedButAcks } from './traffic.ts';

/** `GOPUSH_CHAOS=full` runs this file: it takes minutes. Its figures are in docs/performance.md. */
const full = process.env.GOPUSH_CHAOS === 'full';
const only = process.env.CHAOS_ONLY;
const clients = Number(process.env.CHAOS_CLIENTS ?? 150);

/** A project that real pm2 runs: two agents, three push-servers. Its ecosystem file turns discovery on. */
async function startDeployment(redis: TestRedis | undefined) {
  const [agentAdmin, serverAdmin] = [await freePort(2), await freePort(3)];
  const { dir, url } = await makeProject({
    agentWorkers: 2,
    serverWorkers: 3,
    ...(redis === undefined ? {} : { redisAdapter: { port: redis.port } }),
    admin: { agentPort: agentAdmin, serverPort: serverAdmin },
    api: { keys: [{ name: 'chaos', key: keys.all, scopes: ['publish', 'read'] }] },
    // Other work on the machine is no reason to refuse clients.
    limits: { eventLoopDelayMs: 0 },
    // Nearly the default: an agent that ends sooner disconnects the clients that wait for their next push-server.
    agent: { drainMs: 8_000 },
    pushServer: { drainMs: 20_000, isolateProducts: true, senders: true, limits: { beginDelayMs: 0 } },
  });
  const hooks = join(dir, (await readdir(dir)).find((name) => /^hooks?$/.test(name)) as string);
  for (const name of await readdir(hooks)) if (name.startsWith('server.')) await rm(join(hooks, name));
  await writeFile(
    join(hooks, 'server.local.mjs'),
    `export default { onMessage: () => new Promise((resolve) => setTimeout(resolve, ${handlerMs}, 'answer')) };`,
  );
  const { env, pm2, list } = await startPm2();
  const run = (...args: string[]): Promise<Ended> => gopush(['--dir', dir, ...args], { env });
  const start = async (): Promise<void> => {
    const { code, stderr } = await run('pm2', 'start');
    expect([code, stderr]).toEqual([0, '']);
  };
  await start();
  const ofTier = async (tier: string): Promise<Pm2Listed[]> =>
    (await list()).filter(({ name }) => name.endsWith(`-${tier}`));
  const servers = async (): Promise<number[]> => (await ofTier('push-server')).map(({ pid }) => pid);
  const name = (await ofTier('push-server'))[0]?.name as string;
  const agentLogs = (await ofTier('agent')).map(({ pm2_env }) => pm2_env.pm_out_log_path);
  const readLogs = async (): Promise<string[]> =>
    (await Promise.all(agentLogs.map((path) => readFile(path, 'utf8').catch(() => '')))).flatMap((text) =>
      text.split('\n'),
    );
  /** pm2 starts again what ended; ready when three answer. */
  const whole = async (): Promise<void> => {
    const ports = [0, 1, 2].map((index) => serverAdmin + index);
    const isReady = (port: number): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect
      .poll(async () => (await Promise.all(ports.map(isReady))).every(Boolean), { timeout: 40_000 })
      .toBe(true);
  };
  const daemon = async (): Promise<number> => Number(await readFile(join(env.PM2_HOME, 'pm2.pid'), 'utf8'));
  return { dir, url, pm2, run, start, servers, name, readLogs, whole, daemon };
}

type Deployment = Awaited<ReturnType<typeof startDeployment>>;

interface Deed {
  readonly what: string;
  readonly does: (deployment: Deployment) => Promise<void>;
  readonly promised: Partial<Counts>;
}

const signalSome = async ({ servers }: Deployment, signal: NodeJS.Signals, ...which: number[]): Promise<number[]> => {
  const pids = await servers();
  const chosen = which.map((index) => pids[index] as number);
  for (const pid of chosen) process.kill(pid, signal);
  return chosen;
};

const deeds: readonly Deed[] = [
  {
    what: '`pm2 reload` of the push-servers, twice',
    async does({ pm2, name }) {
      for (let round = 0; round < 2; round++) expect((await pm2('reload', name)).code).toBe(0);
    },
    promised: { ...unnoticed, refused: {} },
  },
  {
    what: '`pm2 reload all`',
    async does({ pm2 }) {
      expect((await pm2('reload', 'all')).code).toBe(0);
    },
    // Only if they are handed over do clients not notice that their agents are replaced.
    promised: handsOver ? unnoticed : { lost: 0, doubled: 0 },
  },
  {
    what: 'SIGTERM of one push-server',
    async does(deployment) {
      const [pid] = await signalSome(deployment, 'SIGTERM', 0);
      await expect.poll(() => isAlive(pid as number), { timeout: 20_000 }).toBe(false);
    },
    promised: { ...unnoticed, refused: {} },
  },
  {
    what: '`gopush drain` of two, one after the other',
    async does(deployment) {
      for (const index of ['0', '1']) expect((await deployment.run('drain', index)).code).toBe(0);
      // They would get no clients, in later steps either.
      for (const pid of await signalSome(deployment, 'SIGTERM', 0, 1))
        await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
    },
    promised: { ...unnoticed, refused: {} },
  },
  {
    what: 'SIGKILL of one push-server',
    does: async (deployment) => void (await signalSome(deployment, 'SIGKILL', 2)),
    promised: unnoticedButAcks,
  },
  {
    what: 'SIGKILL of two, 0.3 s apart',
    async does(deployment) {
      const pids = await deployment.servers();
      process.kill(pids[0] as number, 'SIGKILL');
      await delay(300);
      process.kill(pids[1] as number, 'SIGKILL');
    },
    promised: unnoticedButAcks,
  },
  {
    what: 'SIGSTOP of one for 15 s and SIGKILL of another',
    async does(deployment) {
      const [stopped] = (await signalSome(deployment, 'SIGSTOP', 2)) as [number];
      await signalSome(deployment, 'SIGKILL', 0);
      await delay(15_000);
      // If clients were handed over to it, agents have killed it by now.
      if (isAlive(stopped)) process.kill(stopped, 'SIGCONT');
    },
    promised: unnoticedButAcks,
  },
  {
    what: "SIGKILL of pm2's daemon, then `gopush pm2 start`",
    async does({ daemon, start }) {
      process.kill(await daemon(), 'SIGKILL');
      await delay(1_000);
      await start();
    },
    promised: { lost: 0, doubled: 0 },
  },
];

test.skipIf(!full).each(['embedded', 'Redis'])('pm2, %s', { timeout: 900_000 }, async (store) => {
  const redis = store === 'Redis' ? await startRedis() : undefined;
  if (only && !store.match(only.split('/')[0] as string)) return;
  const deployment = await startDeployment(redis);
  for (const [index, { what, does, promised }] of deeds.entries()) {
    if (only?.includes('/') && !what.match(only.split('/')[1] as string)) continue;
    await deployment.whole();
    const before = new Set(await deployment.readLogs());
    const traffic = await startTraffic({ urls: [deployment.url], key: keys.all, clients, name: `deed${index}` });
    await delay(2_000);
    await does(deployment);
    await deployment.whole();
    await delay(2_000);
    const counts = await traffic.stop();
    const moves = readMoves((await deployment.readLogs()).filter((line) => !before.has(line)));
    report(what, store, counts, moves);
    expect.soft(counts, `${store}: ${what}`).toMatchObject(promised);
  }
});
