import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent as HttpAgent, request as openRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startAgent } from '@gopush/agent';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { isLong } from '../support/long.ts';

const key = 'a-key-of-these-tests-alone';

/** A push-server in a process of its own, which can be replaced by a new one on the same port. */
async function startReloaded(dir: string) {
  const port = await freePort();
  const config = {
    serverPortStart: port,
    pushServer: { fanoutDir: dir, storeDir: join(dir, 'store') },
    api: { keys: [{ name: 'test', key, scopes: ['publish'] }] },
  };
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = fork('test/programs/reloaded-server.mjs', [JSON.stringify(config)]);
    await once(child, 'message');
  };
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  onTestFinished(stop);
  await start();
  return {
    port,
    async reload() {
      await stop();
      await start();
    },
    /** Has it stop, and stand still soon after that has begun. Resolves when it has begun, with a promise of the end. */
    async stopSlowly() {
      const running = child as ChildProcess;
      const exited = once(running, 'exit');
      running.send('stop slowly');
      await once(running, 'message');
      return { exited };
    },
  };
}

/** How often each push-server is reloaded. */
const rounds = isLong ? 8 : 1;

/** How many POSTs are published before each reload, however slow the machine is: 20,000 in 16 of them, else 520. */
const postsPerReload = isLong ? 1_250 : 260;

/** How many ask at a time, for each user. */
const clients = 4;
const users = isLong ? [1, 2, 3, 4] : [1, 2];

/** Asks over and over on kept connections until it is stopped. @returns how often each status came, or each error */
function load(url: string, method: string, user: string, body: string) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: clients });
  const counts = new Map<string, number>();
  let stopped = false;
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const headers = { 'content-length': Buffer.byteLength(body), authorization: `Bearer ${key}`, 'x-user': user };
      const request = openRequest(url, { method, agent, headers }, (answer) => {
        const code = answer.headers['x-gopush-error'];
        answer.resume().once('end', () => resolve(`${answer.statusCode} ${code ?? ''}`.trim()));
      });
      request.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      request.end(body);
    });
  const running = Array.from({ length: clients }, async () => {
    while (!stopped) {
      const outcome = await ask();
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      // So that connections are idle in between, and the processes that start have a share of the machine.
      await pause(10);
    }
  });
  return {
    counts,
    async stop() {
      stopped = true;
      await Promise.all(running);
      agent.destroy();
      return Object.fromEntries(counts);
    },
  };
}

/** Push-servers that can be reloaded, and an agent before them. */
async function startAll() {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const servers = await Promise.all([startReloaded(dir), startReloaded(dir)]);
  const agent = await startAgent({
    config: { agentPort: 0, agent: { host: '127.0.0.1', drainMs: 100 }, limits: { eventLoopDelayMs: 0 } },
    hooks: {
      agent: (request) => String(request.headers['x-user']),
      router: { default: [{ ip: '127.0.0.1', ports: servers.map(({ port }) => port) }] },
    },
  });
  onTestFinished(() => agent.close());
  return { servers, agent };
}

test('no request fails while push-servers are reloaded, whatever its method', async () => {
  const { servers, agent } = await startAll();
  const said = (message: string): string => JSON.stringify({ event: 'e', message, keep: 'no' });
  const kinds = [
    ['POST', '/api/v1/rooms/a/publish', said('short')],
    ['POST', '/api/v1/rooms/a/publish', said('x'.repeat(50_000))],
    ['POST', '/nothing', ''],
    ['GET', '/nothing', ''],
  ] as const;
  const loads = kinds.flatMap(([method, path, body]) =>
    users.map((user) => load(`${agent.url}${path}`, method, `user-${user}`, body)),
  );
  const published = (): number => loads.reduce((sum, { counts }) => sum + (counts.get('200') ?? 0), 0);
  for (let reloads = 0; reloads < 2 * rounds; reloads++) {
    await expect.poll(published, { timeout: 60_000 }).toBeGreaterThanOrEqual(reloads * postsPerReload);
    await servers[reloads % 2]?.reload();
  }
  await expect.poll(published, { timeout: 60_000 }).toBeGreaterThanOrEqual(2 * rounds * postsPerReload);
  const counts = await Promise.all(loads.map(({ stop }) => stop()));
  // What push-servers say; 502 and the like would be the agent's.
  expect(new Set(counts.flatMap((count) => Object.keys(count)))).toEqual(new Set(['200', '404']));
  const asked = counts.reduce((sum, count) => sum + (count['200'] ?? 0), 0);
  expect(asked).toBeGreaterThan(500 * rounds);
  if (isLong) console.info(JSON.stringify(counts));
}, 1_200_000);

test('requests on new connections that wait for a push-server which is slow to stop are served', async () => {
  const { servers, agent } = await startAll();
  const body = JSON.stringify({ event: 'e', message: 'm', keep: 'no' });
  const ask = async (user: number): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, 'x-user': `user-${user}` };
    const answer = await fetch(`${agent.url}/api/v1/rooms/a/publish`, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    return `${answer.status} ${answer.headers.get('x-gopush-error') ?? ''}`.trim();
  };
  // Some connections are kept to each, as one that has none stops at once.
  const users = Array.from({ length: 40 }, (_, user) => user);
  for (const answer of await Promise.all(users.slice(0, 16).map(ask))) expect(answer).toBe('200');
  const { exited } = (await servers[0]?.stopSlowly()) ?? {};
  const answers = await Promise.all(users.map(ask));
  await exited;
  expect(new Set(answers)).toEqual(new Set(['200']));
});
