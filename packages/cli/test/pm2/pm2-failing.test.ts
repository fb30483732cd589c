import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';
import { startPm2 } from '../../../../test/support/pm2.ts';
import { ecosystem as ecosystemText } from '../../../create/src/ecosystem.ts';

test('gopush pm2 start fails while a push-server crash-loops, with what it says; gopush pm2 stop ends it, broken or not', {
  timeout: 240_000,
}, async () => {
  const { dir } = await makeProject({ agentWorkers: 1, serverWorkers: 2 });
  const settings = join(dir, 'config/local.json');
  const { serverPortStart } = JSON.parse(await readFile(settings, 'utf8'));
  const occupied = createServer().listen(serverPortStart + 1, '127.0.0.1');
  await once(occupied, 'listening');
  onTestFinished(() => void occupied.close());
  // What fails again and again need not do so ten times.
  const patient = (await ecosystemText('loops')).replace('restart_delay: 100,', 'restart_delay: 4_000,');
  expect(patient).toMatch(/4_000/);
  await writeFile(join(dir, 'ecosystem.config.cjs'), patient);
  const { env, list } = await startPm2();
  const { code, stderr } = await gopush(['--dir', dir, 'pm2', 'start'], { env });
  expect(code).toBe(1);
  expect(stderr).toMatch(/not all processes serve/);
  expect(stderr).toMatch(
    new RegExp(`-push-server \\(2\\): [a-z ]+, restarted \\d+ times.*\\n.*port ${serverPortStart + 1}`),
  );
  expect(stderr).not.toMatch(/-agent \(/);
  await writeFile(settings, '{ "agentPort": ');
  const stopped = await gopush(['--dir', dir, 'pm2', 'stop'], { env });
  expect([stopped.code, stopped.stderr]).toEqual([0, '']);
  expect(await list()).toEqual([]);
  expect(await gopush(['--dir', dir, 'pm2', 'stop'], { env })).toMatchObject({
    code: 1,
    stderr: `gopush: pm2 runs nothing of ${dir}\n`,
  });
});

test('pm2 start with the ecosystem file fails before it starts what cannot start; without push-servers none is started', {
  timeout: 240_000,
}, async () => {
  const { dir } = await makeProject({ agentWorkers: 1, serverWorkers: 0 });
  const { env, pm2, list } = await startPm2();
  // It makes the file of the project.
  expect((await gopush(['--dir', dir, 'pm2', 'start'], { env })).code).toBe(0);
  expect((await list()).map(({ name }) => name.replace(/.*-/, ''))).toEqual(['agent']);
  expect((await gopush(['--dir', dir, 'pm2', 'stop'], { env })).code).toBe(0);
  const ecosystem = join(dir, 'ecosystem.config.cjs');
  await writeFile(join(dir, 'hooks/router.local.js'), 'export default {');
  const { code, stdout, stderr } = await pm2('start', ecosystem);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/✗ hook router: .*router\.local\.js: line 1/);
  expect(await list()).toEqual([]);
});
