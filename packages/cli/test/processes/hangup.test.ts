import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';
import { childrenOf, isAlive } from '../../../../test/support/process-table.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';

test('SIGHUP replaces all processes, and no client and no request notices', { timeout: 120_000 }, async () => {
  const { dir, url } = await makeProject();
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  const pid = running.child.pid ?? 0;
  const before = childrenOf(pid);
  const clients = await Promise.all(
    ['ann', 'bob', 'cid', 'dan'].map((user) => connectClient(url, 'websocket', { query: { user } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('room', { room: 'lobby' })));
  let disconnects = 0;
  for (const client of clients) client.on('disconnect', () => disconnects++);
  const statuses = new Set<number>();
  let reloading = true;
  const asking = (async () => {
    while (reloading) {
      statuses.add((await fetch(`${url}/?user=eve`)).status);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  process.kill(pid, 'SIGHUP');
  await running.until(/"msg":"reloaded"/);
  const heard = Promise.all(clients.slice(1).map((client) => nextEvent(client, 'chat')));
  clients[0]?.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  for (const message of await heard) expect(message).toMatchObject({ message: 'hello' });
  expect(disconnects).toBe(0);
  const after = childrenOf(pid);
  // Of the old ones only the agent is left, with its clients; it ends with the last of them.
  const old = after.filter((one) => before.includes(one));
  expect([after.length, old.length]).toEqual([4, 1]);
  for (const client of clients) client.disconnect();
  await expect.poll(() => old.filter(isAlive), { timeout: 45_000 }).toEqual([]);
  // Until then: a connection that nobody uses stays open for `keepAliveMs`, and the old agent with it.
  reloading = false;
  await asking;
  expect([...statuses]).toEqual([200]);
  running.signal('SIGTERM');
  expect((await running.ended).code).toBe(0);
});

test('SIGHUP with a broken project replaces nothing; mended, the next one does; a stop then stops all', {
  timeout: 90_000,
}, async () => {
  const { dir } = await makeProject({ serverWorkers: 1 });
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  const pid = running.child.pid ?? 0;
  const before = childrenOf(pid);
  const [hook, settings] = [join(dir, 'hooks/agent.local.js'), join(dir, 'config/local.json')];
  const [good, config] = [await readFile(hook, 'utf8'), await readFile(settings, 'utf8')];
  await writeFile(hook, 'export default (');
  process.kill(pid, 'SIGHUP');
  await running.until(/"problems":\["hook agent: .*agent\.local\.js: line 1.*nothing is reloaded/);
  await writeFile(hook, good);
  await writeFile(settings, `${config.slice(0, -1)}, "agentPrt": 1 }`);
  process.kill(pid, 'SIGHUP');
  await running.until(/local\.json:1: agentPrt: found an unknown key.*nothing is reloaded/);
  // The process that checked the hooks may end after its verdict is logged.
  await expect.poll(() => childrenOf(pid).sort()).toEqual(before.sort());
  await writeFile(settings, config);
  process.kill(pid, 'SIGHUP');
  await running.until(/reloading/);
  process.kill(pid, 'SIGHUP');
  // The old push-server has ended: its successor is being loaded, and hears no message.
  await expect.poll(() => before.filter(isAlive).length).toBe(1);
  await expect.poll(() => childrenOf(pid).length).toBe(2);
  const workers = [...before, ...childrenOf(pid)];
  const began = performance.now();
  running.signal('SIGTERM');
  expect((await running.ended).code).toBe(0);
  // Not only after the deadline of a push-server that does not stop, 64 s.
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(workers.filter(isAlive)).toEqual([]);
});
