import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, startGopush } from '../../../test/support/cli.ts';
import { commandsOfFile } from '../../../test/support/commands.ts';
import { freePort } from '../../store/test/support/redis.ts';
import { type CreateOptions, createProject } from '../src/create-project.ts';

const gopush = commandsOfFile();

async function makeFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await makeFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  return dir;
}

/** All files of a folder but those in `node_modules`, by their paths in it. */
async function list(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

async function create(dir: string, options: Partial<CreateOptions> = {}): Promise<{ left: string; made: string[] }> {
  const before = await list(dir);
  const { left } = await createProject({ dir, typescript: false, force: false, ...options });
  const made = (await list(dir)).filter((file) => !before.includes(file));
  return { left: left.map(({ path, why }) => `${path.slice(dir.length + 1)}: ${why}`).join('\n'), made };
}

const agent = `module.exports = (req) => req.headers['x-password'] === 'open' && 'ann';`;
const hooksOf = (files: readonly string[]): string[] => files.filter((file) => /^(gopush\/)?hooks?\//.test(file));

test.each([
  ['an agent hook of gopush 0.1 for all environments', { 'hook/agent.js': agent }, []],
  ['one in hooks/', { 'hooks/agent.js': agent }, []],
  ['one in TypeScript', { 'hooks/agent.ts': 'export default () => "ann"' }, []],
  [
    'an agent hook of one environment',
    { 'hooks/agent.local.js': agent },
    ['hooks/agent.production.mjs', 'hooks/onupgrade.production.mjs', 'hooks/router.production.mjs'],
  ],
  ['a hook of upgrades alone', { 'hook/onupgrade.js': agent }, []],
  [
    'a project with a package.json',
    { 'hook/agent.js': agent, 'package.json': '{ "name": "app", "dependencies": { "gopush": "0.1.0" } }' },
    [],
  ],
  ['settings without hooks', { 'config/local.json': '{}', 'config/production.json': '{}' }, []],
])('beside %s no hook is made that decides anew who clients are', async (_what, files, hooks) => {
  const dir = await makeFiles(files);
  for (const [round, options] of [{}, { typescript: true }, { force: true }].entries()) {
    const { left, made } = await create(dir, options);
    expect([round, hooksOf(made)]).toEqual([round, round === 0 ? hooks : []]);
    expect(left).toMatch(/^hooks?\/(agent|onupgrade)\.local\.\*: /m);
  }
});

test('the authentication of a project made for gopush 0.1 stays what it was', async () => {
  const [agentPort, serverPortStart] = [await freePort(), await freePort(2)];
  const config = JSON.stringify({ agentPort, serverPortStart, serverWorkers: 1 });
  const dir = await makeFiles({ 'hook/agent.js': agent, 'config/local.json': config });
  const made = await gopush(['create', dir]);
  expect(made.stdout).toMatch(/ {2}no {4}.*hook\/agent\.local\.\*: it would replace hook\/agent\.js/);
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  const url = `http://127.0.0.1:${agentPort}/?user=admin`;
  expect((await fetch(url)).status).toBe(430);
  expect((await fetch(url, { headers: { 'x-password': 'open' } })).status).toBe(404);
  const added = await gopush(['add', 'hook', 'agent'], { cwd: dir });
  expect([added.code, added.stderr]).toEqual([
    1,
    expect.stringMatching(
      /hook\/agent\.js exists already and serves environment local; agent\.local\.\* would replace it/,
    ),
  ]);
  expect(await list(dir)).not.toContain('hook/agent.local.js');
});

test('scripts, pages, files of pm2 and versions that are there are not changed by new ones', async () => {
  const scripts = await makeFiles({
    'server.js': 'require("node:http")',
    'public/app.js': '1',
    'ecosystem.config.js': 'module.exports = {}',
  });
  const { left, made } = await create(scripts);
  expect(JSON.parse(await readFile(join(scripts, 'package.json'), 'utf8')).type).toBeUndefined();
  expect(made).toContain('hooks/agent.local.mjs');
  expect(made.filter((file) => /public|ecosystem/.test(file))).toEqual([]);
  expect(left).toMatch(/index\.html: public\/ exists/);
  expect(left).toMatch(/ecosystem\.config\.cjs: pm2 uses ecosystem\.config\.js/);

  const dev = await makeFiles({ 'package.json': '{ "devDependencies": { "gopush": "1.2.3" }, "type": "module" }' });
  await create(dev);
  expect(JSON.parse(await readFile(join(dev, 'package.json'), 'utf8'))).toMatchObject({
    devDependencies: { gopush: '1.2.3' },
  });
  expect(JSON.parse(await readFile(join(dev, 'package.json'), 'utf8')).dependencies).toBeUndefined();
});

test('what was taken out of a project stays out when it is made again', async () => {
  const dir = await makeFolder();
  await create(dir);
  await rm(join(dir, 'hooks/onupgrade.local.js'));
  await rm(join(dir, 'hooks/router.local.js'));
  await rm(join(dir, 'public/index.html'));
  const { made } = await create(dir, { force: true });
  expect(made).toEqual([]);
  const { stdout } = await gopush(['add', 'hook', 'onupgrade'], { cwd: dir });
  expect(stdout).toMatch(/onupgrade\.local\.js; from now on this hook, and no longer the agent hook, decides/);
});
