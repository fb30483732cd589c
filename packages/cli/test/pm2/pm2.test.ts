import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';
import { isLong } from '../../../../test/support/long.ts';
import { startPm2 } from '../../../../test/support/pm2.ts';
import { isAlive } from '../../../../test/support/process-table.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

/** Asks the gateway over and over, each time on a new connection; counts what failed. */
function askOverAndOver(url: string) {
  const failures: string[] = [];
  let answers = 0;
  let asking = true;
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const asked = request(`${url}/?user=x`, { agent: false }, (answer) => {
        answer.resume().once('end', () => {
          if (answer.statusCode === 200) answers++;
          else failures.push(String(answer.statusCode));
          resolve();
        });
      });
      asked.on('error', (error) => {
        failures.push(error.message);
        resolve();
      });
      asked.end();
    });
  const lines = Array.from({ length: 4 }, async () => {
    while (asking) {
      await ask();
      // Enough to meet each moment of a reload, and little enough not to slow it down: each request is a connection of its own.
      await pause(40);
    }
  });
  return {
    async stop() {
      asking = false;
      await Promise.all(lines);
      return { failures, answers };
    },
  };
}

/** Has all hooks keep handles open, as a client of a database does: neither a command nor a process that is replaced may wait for them. */
async function keepHandles(dir: string): Promise<void> {
  const hooks = join(dir, 'hooks');
  await writeFile(join(hooks, 'server.local.js'), 'export default { onDisconnect() {} };\n');
  const handles = `
import { createServer } from 'node:net';
setInterval(() => {}, 1_000);
createServer().listen(0, '127.0.0.1');
`;
  for (const name of await readdir(hooks)) if (/\.local\.js$/.test(name)) await appendFile(join(hooks, name), handles);
}

test('pm2 cluster: both tiers with Redis, messages cross processes, reload fails no request, stop leaves nothing, although hooks keep handles', {
  timeout: 120_000,
}, async () => {
  const redis = await startRedis();
  const { dir, url } = await makeProject({
    agentWorkers: 2,
    serverWorkers: 2,
    redisAdapter: { port: redis.port },
  });
  await keepHandles(dir);
  const { env, list } = await startPm2();
  const started = await gopush(['--dir', dir, 'pm2', 'start'], { env });
  expect([started.code, started.stderr]).toEqual([0, '']);
  const processes = await list();
  expect(processes.map(({ pm2_env: { status } }) => status)).toEqual(['online', 'online', 'online', 'online']);
  // What `pm2 logs` shows.
  for (const { pm2_env } of processes) {
    await expect.poll(() => readFile(pm2_env.pm_out_log_path, 'utf8')).toMatch(/"msg":"(agent|push-server) listening"/);
  }

  const clients = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      connectClient(url, index % 2 ? 'polling' : 'upgrade', { query: { user: `u${index}` }, reconnection: true }),
    ),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'lobby')));
  const heard = Promise.all(clients.slice(1).map((client) => nextEvent(client, 'chat')));
  clients[0]?.emit('room', { room: 'lobby', event: 'chat', message: 'across' });
  for (const message of await heard) expect(message).toMatchObject({ message: 'across' });

  const asking = askOverAndOver(url);
  const reloaded = await gopush(['--dir', dir, 'pm2', 'reload'], { env });
  const { failures, answers } = await asking.stop();
  expect(reloaded.code).toBe(0);
  expect(failures).toEqual([]);
  expect(answers).toBeGreaterThan(100);
  const after = await list();
  expect(after.map(({ pm2_env: { status } }) => status)).toEqual(['online', 'online', 'online', 'online']);
  for (const { pid } of processes) expect(after.map((one) => one.pid)).not.toContain(pid);

  const back = await connectClient(url, 'websocket', { query: { user: 'new' } });
  expect(await back.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
  for (const client of [...clients, back]) client.disconnect();

  expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
  expect(await list()).toEqual([]);
  expect(after.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

// In the usual run a chaos test reloads push-servers by pm2, under the eyes of more clients.
test('a reload of the push-servers alone: no client on WebSocket notices', {
  skip: !isLong,
  timeout: 120_000,
}, async () => {
  const { dir, url } = await makeProject({ agentWorkers: 1, serverWorkers: 2, pushServer: { drainMs: 5_000 } });
  const { env, pm2, list } = await startPm2();
  expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).code).toBe(0);
  const clients = await Promise.all(
    Array.from({ length: 10 }, (_, index) => connectClient(url, 'websocket', { query: { user: `u${index}` } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'lobby')));
  let disconnects = 0;
  for (const client of clients) client.on('disconnect', () => disconnects++);
  const before = await list();
  const servers = before.find(({ name }) => name.endsWith('-push-server'))?.name ?? '';
  expect((await pm2('reload', servers)).code).toBe(0);
  const pids = (await list()).filter(({ name }) => name === servers).map(({ pid }) => pid);
  for (const { pid } of before) expect(pids).not.toContain(pid);
  const heard = Promise.all(clients.slice(1).map((client) => nextEvent(client, 'chat')));
  clients[0]?.emit('room', { room: 'lobby', event: 'chat', message: 'still here' });
  for (const message of await heard) expect(message).toMatchObject({ message: 'still here' });
  expect(disconnects).toBe(0);
  for (const client of clients) client.disconnect();
  expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
});
