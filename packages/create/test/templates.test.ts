import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { makeFolder, startProgram } from '../../../test/support/cli.ts';
import { openClient } from '../../../test/support/socket-io.ts';
import { freePort, startRedis } from '../../store/test/support/redis.ts';
import { createProject } from '../src/create-project.ts';
import { toJavaScript } from '../src/in-language.ts';
import { type TemplateName, templateNames } from '../src/names.ts';
import { listTemplate, readTemplate } from '../src/templates.ts';
import { linkPackages, listTemplates, readCatalog } from './support/linked-packages.ts';
import { ownPorts } from './support/try-project.ts';

const run = promisify(execFile);
const names = Object.keys(templateNames) as TemplateName[];

/** Creates projects, with the packages of the workspace; returns their parent. */
async function createAll(templates: readonly TemplateName[], typescript = false) {
  const folder = await makeFolder();
  const commands = await linkPackages(folder);
  for (const template of templates)
    await createProject({ dir: join(folder, template), template, typescript, force: false });
  return { folder, path: `${commands}:${process.env.PATH}` };
}

test('templates have no files that nobody can choose', async () => {
  expect((await listTemplates()).sort()).toEqual(names.filter((name) => name !== 'minimal').sort());
});

test('all templates in TypeScript have the types that they need', async () => {
  const { folder } = await createAll(names, true);
  const config = JSON.parse(await readFile(join(folder, 'minimal/tsconfig.json'), 'utf8'));
  const include = ['*/*.js', '*/app', '*/hooks', '*/test'];
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, include }));
  const tsc = join(import.meta.dirname, '../../../node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder, '--listFiles']).catch((error) => error);
  const lines: string[] = stdout.trim().split('\n');
  const files = lines.filter((line) => /^\/.*\.[cm]?[jt]s(on)?$/.test(line));
  for (const name of names) expect(files).toContainEqual(expect.stringContaining(`${name}/hooks/`));
  // All others are problems.
  expect(lines.filter((line) => !files.includes(line))).toEqual([]);
});

test('what a template is in JavaScript is what a compiler makes of it', async () => {
  const compiled = async (text: string, loader: 'js' | 'ts') =>
    (await transform(text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"), { loader })).code;
  for (const name of names.filter((one) => one !== 'minimal')) {
    for (const path of (await listTemplate(name)).filter((one) => one.endsWith('.ts'))) {
      const text = await readTemplate(`${name}/${path}`);
      expect([path, await compiled(toJavaScript(text), 'js')]).toEqual([path, await compiled(text, 'ts')]);
    }
  }
});

test('templates use the versions of the workspace', async () => {
  const catalog = await readCatalog();
  for (const name of ['project', ...(await listTemplates())]) {
    const { dependencies, devDependencies } = JSON.parse(await readTemplate(`${name}/package.json`));
    const { gopush: _, ...others } = { ...dependencies, ...devDependencies } as Record<string, string>;
    for (const [one, range] of Object.entries(others)) {
      expect([one, range.replace(/^[~^]/, '')]).toEqual([one, catalog[one]?.replace(/^[~^]/, '')]);
    }
  }
});

test('secrets of a template are random, readable by their owner alone, and ignored by git', async () => {
  const folder = await makeFolder();
  for (const name of ['a', 'b'])
    await createProject({ dir: join(folder, name), template: 'chat', typescript: false, force: false });
  const [a, b] = await Promise.all(['a', 'b'].map((name) => readFile(join(folder, name, '.env'), 'utf8')));
  expect(a).toMatch(/^SESSION_SECRET=[\w-]{43}$/m);
  expect(a).not.toBe(b);
  expect((await stat(join(folder, 'a/.env'))).mode & 0o777).toBe(0o600);
  await run('git', ['init', '-q'], { cwd: join(folder, 'a') });
  await run('git', ['add', '.'], { cwd: join(folder, 'a') });
  const { stdout } = await run('git', ['ls-files'], { cwd: join(folder, 'a') });
  expect(stdout).toContain('hooks/agent.js');
  expect(stdout).not.toMatch(/\.env|secrets\./);
});

test.each([
  ['pnpm', 'pnpm run notify "hello"', 'pnpm exec pm2 reload'],
  ['yarn', 'yarn run notify "hello"', 'yarn exec pm2 reload'],
  ['bun', 'bun run notify "hello"', 'bunx pm2 reload'],
] as const)('the READMEs of a project for %s have its commands, and none of npm', async (packageManager, run, exec) => {
  const folder = await makeFolder();
  const readmes: string[] = [];
  for (const template of names) {
    const dir = join(folder, template);
    await createProject({ dir, template, packageManager, typescript: false, force: false });
    readmes.push(await readFile(join(dir, 'README.md'), 'utf8'));
  }
  for (const readme of readmes) {
    expect(readme).not.toMatch(/\b(?<!p)npm (install|run|start|test)\b|\bnpx /);
    expect(readme).toMatch(new RegExp(`^${packageManager} install\n${packageManager} run dev {4,}# `, 'm'));
    expect(readme).toContain(`\n${packageManager} add pm2\n`);
  }
  expect(readmes.join('\n')).toContain(run);
  expect(readmes.join('\n')).toContain(exec);
});

test('a template other than minimal wants an empty folder', async () => {
  const dir = await makeFolder();
  await writeFile(join(dir, 'index.js'), '');
  const options = { dir, template: 'chat', typescript: false } as const;
  await expect(createProject({ ...options, force: false })).rejects.toThrow(/found files, wanted an empty folder/);
  expect(await readdir(dir)).toEqual(['index.js']);
  await createProject({ ...options, force: true });
  expect(await readdir(dir)).toContain('hooks');
});

test.each(names)('the own test of the template %s starts it and sends a message', async (name) => {
  const { folder } = await createAll([name]);
  const options = { cwd: join(folder, name), ownGroup: true };
  const { stdout } = await startProgram(process.execPath, ['--test', '--test-reporter=tap'], options).ended;
  expect(stdout).toMatch(/^# pass [1-9]\d*\n# fail 0$/m);
});

test('the chat runs in production with Redis, unchanged: accounts are in Redis, and users talk', async () => {
  const redis = await startRedis();
  const { folder, path } = await createAll(['chat']);
  const { url, env } = await ownPorts();
  const all = { ...env, PATH: path, GOPUSH_ENV: 'production', REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  const running = startProgram('gopush', ['start'], { cwd: join(folder, 'chat'), env: all });
  await running.until(/gopush is ready/);
  const post = (to: string, name: unknown) =>
    fetch(url + to, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, password: 'correct horse' }),
    });
  expect((await post('/accounts', 'ann')).status).toBe(201);
  expect((await post('/accounts', 'ann')).status).toBe(409);
  expect((await post('/session', 'bob')).status).toBe(401);
  // A list of one name would be that name for a regular expression, and for Redis.
  for (const name of [['bob'], { toString: 1 }, null]) expect((await post('/accounts', name)).status).toBe(400);
  const cookies = (await post('/session', 'ann')).headers.getSetCookie().join();
  const [cookie = ''] = cookies.split(';');
  const socket = openClient(url, 'websocket', { extraHeaders: { cookie } });
  expect(await socket.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
  const request = { room: 'lobby', event: 'message', message: { id: '1', text: 'hello' } };
  expect(await socket.emitWithAck('go:publish', request)).toMatchObject({ ok: true });
  expect(await socket.emitWithAck('history', 'lobby')).toMatchObject({ messages: [{ sender: 'ann' }] });
  expect(await readdir(join(folder, 'chat'))).not.toContain('.accounts');
  socket.disconnect();
  // In the same shell: the connection to Redis does not keep the test from its end.
  const again = { cwd: join(folder, 'chat'), env: { REDIS_URL: all.REDIS_URL } };
  expect((await startProgram('npm', ['test'], again).ended).code).toBe(0);
});

test('notify publishes from the command line with the key that was created', async () => {
  const { folder, path } = await createAll(['notify']);
  const { url, env } = await ownPorts();
  const options = { cwd: join(folder, 'notify'), env: { ...env, PATH: path } };
  const running = startProgram('gopush', ['dev'], options);
  await running.until(/gopush is ready/);
  const listener = await fetch(`${url}/api/v1/listen?room=news`);
  const heard = (async () => {
    let text = '';
    for await (const chunk of listener.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (/"message":"hello"/.test(text)) return text;
    }
    return text;
  })();
  expect(await startProgram('npm', ['run', '--silent', 'notify', '--', 'hello'], options).ended).toMatchObject({
    code: 0,
  });
  expect(await heard).toMatch(/"event":"note"/);
});

test('npm run dev of the proxy starts the back ends as well, and Ctrl-C ends them', async () => {
  const { folder, path } = await createAll(['proxy']);
  const { url, env } = await ownPorts();
  const first = await freePort(2);
  const options = {
    cwd: join(folder, 'proxy'),
    env: { ...env, PATH: path, BACKEND_PORTS: `${first},${first + 1}` },
    ownGroup: true,
  };
  const running = startProgram('npm', ['run', '--silent', 'dev'], options);
  await running.until(/gopush is ready/);
  expect(await (await fetch(`${url}/health`)).text()).toBe('ok\n');
  expect(await (await fetch(url)).text()).toContain('Your back ends');
  // A cookie that no visitor has got here is replaced.
  for (const cookie of ['visitor=', `visitor=${'x'.repeat(300)}`, 'visitor=%00%0a'])
    expect((await fetch(url, { headers: { cookie } })).status).toBe(200);
  running.signal('SIGINT');
  await running.ended;
  await expect(fetch(`http://127.0.0.1:${first}`)).rejects.toThrow();
});

test('pm2 runs the back ends of the proxy', async () => {
  const { folder } = await createAll(['proxy']);
  const load = createRequire(new URL('../../../test/package.json', import.meta.url));
  const [app] = load(join(folder, 'proxy/backends.config.cjs')).apps;
  // As pm2 starts a program: by a file of its own, so that argv names another one.
  const env = { pm_exec_path: join(folder, 'proxy', app.script), PORT: '0' };
  const running = startProgram(process.execPath, [load.resolve('pm2/lib/ProcessContainerFork.js')], { env });
  await running.until(/back end on port \d+/);
});
