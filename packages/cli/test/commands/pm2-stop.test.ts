import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeProject } from '../../../../test/support/cli.ts';

/**
 * A pm2 of the project's own that brings back the process 2 as often as it is told to, as the real one does when a process that
 * crash-loops starts in the moment in which it is deleted: a moment that no test can choose. It fails as often as it is told to, and
 * then has deleted nothing but agents.
 */
async function makeProjectWithPm2({ comesBack = 0, fails = 0 }) {
  const { dir } = await makeProject();
  const pm2 = join(dir, 'node_modules/pm2');
  await mkdir(join(pm2, 'bin'), { recursive: true });
  await writeFile(join(pm2, 'package.json'), '{ "name": "pm2", "version": "7.0.4", "type": "commonjs" }');
  const listed = ['agent', 'push-server', 'push-server'].map((tier, index) => ({
    ...{ pm_id: index, name: `app-${tier}`, pid: 1 },
    pm2_env: { GOPUSH_DIR: dir, GOPUSH_TIER: tier, status: 'online', restart_time: 0, pm_err_log_path: '/dev/null' },
  }));
  const state = join(dir, 'state.json');
  await writeFile(state, JSON.stringify({ comesBack, fails, listed, deleted: [] }));
  await writeFile(
    join(pm2, 'bin/pm2'),
    `const { readFileSync, writeFileSync } = require('node:fs');
const file = ${JSON.stringify(state)};
const state = JSON.parse(readFileSync(file, 'utf8'));
const [command, ...ids] = process.argv.slice(2);
if (command === 'jlist') console.log(JSON.stringify(state.listed));
else {
  state.deleted.push(ids);
  const isBack = state.comesBack-- > 0;
  const hasFailed = state.fails-- > 0;
  const stays = (id) => !ids.includes(String(id)) || (isBack && id === 2) || (hasFailed && id > 0);
  state.listed = state.listed.filter(({ pm_id }) => stays(pm_id));
  process.exitCode = hasFailed ? 1 : 0;
  writeFileSync(file, JSON.stringify(state));
}
`,
  );
  return { dir, deleted: async () => JSON.parse(await readFile(state, 'utf8')).deleted };
}

test('pm2 stop deletes again what pm2 restarts in the moment in which it deletes it', async () => {
  const { dir, deleted } = await makeProjectWithPm2({ comesBack: 1 });
  expect(await gopush(['pm2', 'stop'], { cwd: dir })).toMatchObject({ code: 0, stderr: '' });
  // Agents first.
  expect(await deleted()).toEqual([['0', '1', '2'], ['2']]);
});

test('pm2 stop says what pm2 keeps restarting', async () => {
  const { dir } = await makeProjectWithPm2({ comesBack: Number.MAX_SAFE_INTEGER });
  expect(await gopush(['pm2', 'stop'], { cwd: dir })).toMatchObject({
    code: 1,
    stderr: 'gopush: pm2 keeps restarting app-push-server (2): run gopush pm2 stop again\n',
  });
});

test('pm2 stop tries again when pm2 fails to delete a process, as if it has just ended', async () => {
  const { dir, deleted } = await makeProjectWithPm2({ fails: 1 });
  expect(await gopush(['pm2', 'stop'], { cwd: dir })).toMatchObject({ code: 0, stderr: '' });
  expect(await deleted()).toEqual([
    ['0', '1', '2'],
    ['1', '2'],
  ]);
});

test('pm2 stop fails when pm2 keeps failing', async () => {
  const { dir, deleted } = await makeProjectWithPm2({ fails: Number.MAX_SAFE_INTEGER });
  expect(await gopush(['pm2', 'stop'], { cwd: dir })).toMatchObject({
    code: 1,
    stderr: 'gopush: pm2 delete ended with 1\n',
  });
  expect(await deleted()).toHaveLength(3);
});
