import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { gopush, makeProject } from '../support/cli.ts';
import { isLong, rows } from '../support/long.ts';
import { startPm2 } from '../support/pm2.ts';
import { allHave, askOn, record, type Record as Seen, sum } from '../support/recording.ts';
import { connectClient } from '../support/socket-io.ts';

/** The whole size takes minutes; the short one is enough to tell whether anything is lost. */
const full = process.env.GOPUSH_CHAOS === 'full';
const size = full
  ? { agents: 2, servers: 3, clients: 500, perSecond: 4, afterMs: 200, rounds: 3, settleMs: 3_000 }
  : { agents: 1, servers: 2, clients: 24, perSecond: 12, afterMs: 80, rounds: 1, settleMs: 300 };
/** How long a client waits for an answer: that of a process that was killed may never come. */
const answerMs = 10_000;
const lostMs = 2_000;
const longest = full ? 600_000 : 90_000;

const stores: Record<string, () => Promise<ConfigInput>> = {
  'the embedded store': async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    return { pushServer: { fanoutDir: dir, storeDir: join(dir, 'store') } };
  },
  Redis: async () => ({ redisAdapter: { port: (await startRedis()).port } }),
};

/** A program of test/programs as a process of its own, which ends with the test. */
async function start(program: string, args: readonly string[], onLine?: (line: string) => void): Promise<ChildProcess> {
  const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const child = fork(path, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let rest = '';
  child.stdout?.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine?.(line);
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(kill);
  });
  return child;
}

const firstWord = async (child: ChildProcess): Promise<{ url: string }> => (await once(child, 'message'))[0];

/** Pauses of moved sessions, as agents log them. */
function createPauses() {
  const pauses: number[] = [];
  const fallbacks: string[] = [];
  const at = (share: number): number =>
    Math.round(pauses.sort((one, other) => one - other)[Math.ceil(pauses.length * share) - 1] ?? 0);
  return {
    read(line: string) {
      if (!line.startsWith('{')) return;
      const { message, msg, pauseMs, cause } = JSON.parse(line);
      const said = message ?? msg;
      if (/^session (migrated|failed over)$/.test(said)) pauses.push(pauseMs);
      if (/^a session could not migrate or fail over/.test(said)) fallbacks.push(cause);
    },
    fallbacks,
    describe: () => ({ moved: pauses.length, p50: at(0.5), p99: at(0.99), max: at(1) }),
  };
}

/** A push-server that is not restarted. */
async function startSpeaker(config: ConfigInput): Promise<PushServer> {
  const speaker = await startPushServer({
    config: { ...config, serverPortStart: 0 },
    node: 'speaker',
    logger: silentLogger,
    // Agents that discover push-servers send clients to it as well.
    setup: (io) =>
      void io.on('connection', (socket) =>
        socket.on('ask', (afterMs, done) => void setTimeout(done, afterMs, 'answer')),
      ),
  });
  onTestFinished(() => speaker.close());
  return speaker;
}

/** Says numbers to the room through a push-server. */
function speakThrough({ push }: PushServer, perSecond: number) {
  let said = 0;
  let going = true;
  const speak = async (): Promise<void> => {
    while (going) {
      await Promise.all([push.toRoom('room', 'count', said++), delay(1_000 / perSecond)]);
    }
  };
  const speaking = speak();
  return async (): Promise<number> => {
    going = false;
    await speaking;
    return said;
  };
}

/** Connects clients that are in the room and ask all the time, and counts what they see while something is done. */
async function watch(urls: readonly string[], speaker: PushServer, timeoutMs: number, doing: () => Promise<void>) {
  const clients: Socket[] = [];
  for (let from = 0; from < size.clients; from += 50) {
    const some = Array.from({ length: Math.min(50, size.clients - from) }, (_, index) =>
      connectClient(urls[(from + index) % urls.length] as string, 'websocket', {
        query: { user: `user-${from + index}` },
      }),
    );
    clients.push(...(await Promise.all(some)));
  }
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  const ids = clients.map(({ id }) => id);
  const seen: Seen[] = clients.map(record);
  let going = true;
  const asking = clients.map((client, index) =>
    askOn(client, seen[index] as Seen, () => going, { ...size, timeoutMs }),
  );
  const stop = speakThrough(speaker, size.perSecond);
  await delay(size.settleMs);
  await doing();
  await delay(size.settleMs);
  const said = await stop();
  going = false;
  await Promise.all(asking);
  await allHave(seen, said - 1);
  expect(clients.map(({ id }) => id)).toEqual(ids);
  const answers = await Promise.all(clients.map((client) => client.emitWithAck('go:leave', 'none')));
  expect(answers.filter(({ count }) => count !== 1)).toEqual([]);
  const counts = { said, ...sum(seen, said) };
  for (const client of clients) client.disconnect();
  return counts;
}

describe.each(Object.keys(stores))('with %s', (name) => {
  async function startAll() {
    const config = await (stores[name] as () => Promise<ConfigInput>)();
    const first = await freePort(size.servers);
    const startServer = async (index: number): Promise<ChildProcess> => {
      const settings = {
        ...config,
        serverPortStart: first + index,
        pushServer: { host: '127.0.0.1', drainMs: 10_000, ...config.pushServer },
      };
      const child = await start('chaos-server.mjs', [JSON.stringify(settings), `push-server-${index}`]);
      await firstWord(child);
      return child;
    };
    const servers = await Promise.all(Array.from({ length: size.servers }, (_, index) => startServer(index)));
    const speaker = await startSpeaker(config);
    const pauses = createPauses();
    const ports = servers.map((_, index) => first + index);
    const settings = { agentPort: 0, agent: { host: '127.0.0.1', drainMs: 200 }, hold: { timeoutMs: 5_000 } };
    const agents = await Promise.all(
      Array.from({ length: size.agents }, () =>
        start('chaos-agent.mjs', [JSON.stringify(settings), JSON.stringify(ports)], pauses.read).then(firstWord),
      ),
    );
    const restartAll = async (signal: NodeJS.Signals): Promise<void> => {
      for (let round = 0; round < size.rounds; round++) {
        for (const [index, server] of servers.entries()) {
          const exited = once(server, 'exit');
          server.kill(signal);
          await exited;
          servers[index] = await startServer(index);
          await delay(size.settleMs);
        }
      }
    };
    return { urls: agents.map(({ url }) => url), speaker, pauses, restartAll };
  }

  test('a rolling restart: no client notices', {
    skip: !isLong && name === 'Redis',
    timeout: longest,
  }, async () => {
    const { urls, speaker, pauses, restartAll } = await startAll();
    const counts = await watch(urls, speaker, answerMs, () => restartAll('SIGTERM'));
    console.log(`planned, ${name}:`, JSON.stringify({ ...counts, ...pauses.describe(), fallbacks: pauses.fallbacks }));
    expect(counts).toMatchObject({ disconnects: 0, lost: 0, doubled: 0, misordered: 0, unanswered: 0 });
    expect(pauses.fallbacks).toEqual([]);
    expect(pauses.describe().moved).toBeGreaterThanOrEqual(size.clients * size.rounds);
  });

  test('push-servers are killed: no connection ends, and no kept message is lost or doubled', {
    skip: !isLong && name !== 'Redis',
    timeout: longest,
  }, async () => {
    const { urls, speaker, pauses, restartAll } = await startAll();
    const counts = await watch(urls, speaker, lostMs, () => restartAll('SIGKILL'));
    console.log(`killed, ${name}:`, JSON.stringify({ ...counts, ...pauses.describe(), fallbacks: pauses.fallbacks }));
    // Requests that a dead process had read are lost with it. Each client has one request in flight, and moves once for each process that dies.
    expect(counts.unanswered).toBeLessThanOrEqual(size.clients * size.servers * size.rounds);
    expect(counts).toMatchObject({ disconnects: 0, lost: 0, doubled: 0, misordered: 0 });
    expect(pauses.fallbacks).toEqual([]);
    expect(pauses.describe().moved).toBeGreaterThanOrEqual(size.clients * size.rounds);
  });
});

test.each(rows(['the embedded store'], ['Redis']))(
  'pm2 reloads all push-servers of a project with %s: no client notices',
  {
    timeout: longest,
  },
  async (kind) => {
    const config = await (stores[kind] as () => Promise<ConfigInput>)();
    const { dir, url } = await makeProject({
      agentWorkers: 1,
      serverWorkers: size.servers,
      ...config,
      pushServer: { drainMs: 5_000, ...config.pushServer },
    });
    // A project's own handler, as the other push-servers of this file have it.
    const serverHook = `export default { setup(io) {
    io.on('connection', (socket) => socket.on('ask', (afterMs, done) => setTimeout(done, afterMs, 'answer')));
  } };`;
    const hooks = (await readdir(dir)).find((name) => /^hooks?$/.test(name)) as string;
    for (const name of await readdir(join(dir, hooks)))
      if (name.startsWith('server.')) await rm(join(dir, hooks, name));
    await writeFile(join(dir, hooks, 'server.local.mjs'), serverHook);
    const { env, pm2, list } = await startPm2();
    expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).stderr).toBe('');
    const before = await list();
    const name = before.map((one) => one.name).find((one) => /server/.test(one)) as string;
    const speaker = await startSpeaker(config);
    const counts = await watch([url], speaker, answerMs, async () => {
      for (let round = 0; round < size.rounds; round++) expect((await pm2('reload', name)).code).toBe(0);
    });
    const after = (await list()).filter((one) => one.name === name).map(({ pid }) => pid);
    for (const { pid } of before.filter((one) => one.name === name)) expect(after).not.toContain(pid);
    console.log(`planned, pm2 reload, ${kind}:`, JSON.stringify(counts));
    expect(counts).toMatchObject({ disconnects: 0, lost: 0, doubled: 0, misordered: 0, unanswered: 0 });
    expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
  },
);
