import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { makeProject, startProgram } from '../../../../test/support/cli.ts';
import { isAlive } from '../../../../test/support/process-table.ts';

const bin = fileURLToPath(new URL('../../dist/bin/gopush.js', import.meta.url));
const terminal = fileURLToPath(new URL('../programs/terminal.py', import.meta.url));

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
