import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';
import { childrenOf, isAlive } from '../../../../test/support/process-table.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';

async function startProject(config: Record<string, unknown> = {}) {
  const project = await makeProject({ agentWorkers: 1, serverWorkers: 1, ...config });
  const running = startGopush(['start'], { cwd: project.dir });
  await running.until(/gopush is ready/);
  const workers = childrenOf(running.child.pid ?? 0);
  return { ...project, running, workers };
}

test('agents and push-servers run, and messages cross them; SIGTERM stops all, and leaves no process and no socket file', {
  timeout: 120_000,
}, async () => {
  const { url, running, workers, fanoutDir } = await startProject({ agentWorkers: 2, serverWorkers: 2 });
  expect(workers).toHaveLength(4);
  const commandLines = await Promise.all(workers.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8')));
  const roles = commandLines.map((line) => line.split('\0').slice(2, -1).join(' '));
  expect(roles.sort()).toEqual(['agent 0', 'agent 1', 'push-server 0', 'push-server 1']);
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      connectClient(url, index % 2 ? 'polling' : 'websocket', { query: { user: `u${index}` } }),
    ),
  );
  const servers = new Set<string>();
  await Promise.all(clients.map((client) => client.emitWithAck('room', { room: 'lobby' })));
  const heard = Promise.all(clients.slice(1).map((client) => nextEvent(client, 'chat')));
  clients[0]?.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  for (const message of await heard) expect(message).toMatchObject({ message: 'hello' });
  for (const user of 'abcdefghijklmnopqrst') {
    const client = openClient(url, 'websocket', { query: { user } });
    servers.add((await nextEvent<{ server: string }>(client, 'go:welcome')).server);
  }
  expect([...servers].sort()).toEqual(['push-server-0', 'push-server-1']);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
  expect(workers.filter(isAlive)).toEqual([]);
  expect(await readdir(fanoutDir)).toEqual([]);
});

test('crashed workers are started again, and clients come back; those whose supervisor is killed stop by themselves', {
  timeout: 120_000,
}, async () => {
  const { running, workers, url } = await startProject();
  const client = await connectClient(url, 'websocket', {
    query: { user: 'ann' },
    reconnection: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
  });
  for (const pid of workers) process.kill(pid, 'SIGKILL');
  await running.until(/exited unexpectedly/);
  await nextEvent(client, 'connect');
  await expect.poll(() => childrenOf(running.child.pid ?? 0).length).toBe(2);
  const again = childrenOf(running.child.pid ?? 0);
  running.child.kill('SIGKILL');
  await running.ended;
  await expect.poll(() => again.filter(isAlive), { timeout: 10_000 }).toEqual([]);
});

test('a second signal ends all at once', async () => {
  const { running, workers, url } = await startProject({ agent: { drainMs: 60_000 } });
  await connectClient(url, 'websocket', { query: { user: 'ann' } });
  running.child.kill('SIGINT');
  await running.until(/stopping/);
  // Again and again: the first ones come so soon that they are still the same Ctrl-C.
  const again = setInterval(() => running.child.kill('SIGINT'), 100);
  const { code } = await running.ended;
  clearInterval(again);
  expect(code).toBe(1);
  await expect.poll(() => workers.filter(isAlive)).toEqual([]);
});

test('a Ctrl-C that arrives twice, as npm makes it, is one; no process that it ends is started again', async () => {
  const { running, workers, url } = await startProject();
  await connectClient(url, 'websocket', { query: { user: 'ann' } });
  // As from a terminal: all of them get it, and the first of them once more from npm.
  for (const pid of [running.child.pid ?? 0, ...workers]) process.kill(pid, 'SIGINT');
  await running.until(/"node":"gopush".*stopping/);
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).not.toMatch(/is restarted/);
  expect(workers.filter(isAlive)).toEqual([]);
});
