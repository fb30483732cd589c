import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { childrenOf, isAlive, makeProject, startGopush, startProgram } from '../../../../test/support/cli.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';

const bin = fileURLToPath(new URL('../../dist/bin/gopush.js', import.meta.url));
const terminal = fileURLToPath(new URL('../programs/terminal.py', import.meta.url));

test('SIGHUP replaces all processes, and no client and no request notices', { timeout: 120_000 }, async () => {
  const { dir, url } = await makeProject();
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  const pid = running.child.pid ?? 0;
  const before = await childrenOf(pid);
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
  const after = await childrenOf(pid);
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
  const before = await childrenOf(pid);
  const [hook, settings] = [join(dir, 'hooks/agent.local.js'), join(dir, 'config/local.json')];
  const [good, config] = [await readFile(hook, 'utf8'), await readFile(settings, 'utf8')];
  await writeFile(hook, 'export default (');
  process.kill(pid, 'SIGHUP');
  await running.until(/"problems":\["hook agent: .*agent\.local\.js: line 1.*nothing is reloaded/);
  await writeFile(hook, good);
  await writeFile(settings, `${config.slice(0, -1)}, "agentPrt": 1 }`);
  process.kill(pid, 'SIGHUP');
  await running.until(/local\.json:1: agentPrt: found an unknown key.*nothing is reloaded/);
  expect((await childrenOf(pid)).sort()).toEqual(before.sort());
  await writeFile(settings, config);
  process.kill(pid, 'SIGHUP');
  await running.until(/reloading/);
  process.kill(pid, 'SIGHUP');
  const workers = [...before, ...(await childrenOf(pid))];
  running.signal('SIGTERM');
  expect((await running.ended).code).toBe(0);
  expect(workers.filter(isAlive)).toEqual([]);
});

test.each([
  ['start', ['start']],
  ['dev', ['dev']],
])('a terminal that closes stops gopush %s as SIGTERM does: requests in flight end', async (_what, args) => {
  const { dir, url } = await makeProject({ serverWorkers: 1, agent: { drainMs: 5_000 } });
  await writeFile(
    join(dir, 'hooks/agent.local.js'),
    'export default async (request) => { await new Promise((done) => setTimeout(done, Number(request.query.wait ?? 0))); return "ann"; };',
  );
  const running = startProgram('python3', [terminal, process.execPath, bin, '--dir', dir, ...args]);
  await running.until(/gopush is ready/);
  const slow = fetch(`${url}/?wait=1500`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  running.child.kill('SIGUSR1');
  expect((await slow).status).toBe(200);
  expect((await running.ended).stdout).toMatch(/ended 0\n$/);
  await expect(fetch(url)).rejects.toThrow();
});

test('under nohup the end of the terminal is nothing to gopush', { timeout: 90_000 }, async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const command = `nohup '${process.execPath}' '${bin}' start </dev/null >out.log 2>&1 & echo "pid $!"; trap '' HUP; wait`;
  const running = startProgram('python3', [terminal, 'bash', '-c', command], { cwd: dir });
  await running.until(/pid \d+/);
  const pid = Number(/pid (\d+)/.exec(running.stdout())?.[1]);
  // Whatever becomes of the test, nothing of it stays behind.
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  const log = (): Promise<string> => readFile(join(dir, 'out.log'), 'utf8').catch(() => '');
  await expect.poll(log, { timeout: 20_000 }).toMatch(/gopush is ready/);
  running.child.kill('SIGUSR1');
  process.kill(pid, 'SIGHUP');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await fetch(`${url}/?user=ann`)).status).toBe(200);
  expect(await log()).not.toMatch(/reload|stopping/);
  // From now on there is no terminal, and the signal is an operator's.
  process.kill(pid, 'SIGHUP');
  await expect.poll(log, { timeout: 20_000 }).toMatch(/reloading/);
  process.kill(pid, 'SIGTERM');
  await running.ended;
});

test('a reader of the log that goes away does not end gopush', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  running.child.stdout?.destroy();
  running.child.stderr?.destroy();
  for (let round = 0; round < 5; round++) {
    expect((await fetch(`${url}/?user=ann`)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  expect(running.child.exitCode).toBe(null);
  running.child.kill('SIGTERM');
  const [code] = await once(running.child, 'exit');
  expect(code).toBe(0);
});
