import { createHmac } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { bin, gopush, makeFolder } from '../../../test/support/cli.ts';
import { isLong } from '../../../test/support/long.ts';
import { startPm2 } from '../../../test/support/pm2.ts';
import { connectClient, nextEvent } from '../../../test/support/socket-io.ts';
import { startRedis } from '../../store/test/support/redis.ts';
import { createProject } from '../src/create-project.ts';
import type { TemplateName } from '../src/names.ts';
import { linkPackages } from './support/linked-packages.ts';
import { ownPorts } from './support/try-project.ts';

/** Installs a gopush in a project itself, whose files are those of the workspace. */
async function installGopush(dir: string): Promise<void> {
  const [from, to] = [dirname(dirname(bin)), join(dir, 'node_modules/gopush')];
  const { name, version, type, exports: entries } = JSON.parse(await readFile(join(from, '../package.json'), 'utf8'));
  await mkdir(join(to, 'dist/bin'), { recursive: true });
  await writeFile(join(to, 'package.json'), JSON.stringify({ name, version, type, exports: entries }));
  for (const file of ['index.js', 'worker.js', 'bin/gopush.js'])
    await writeFile(join(to, 'dist', file), `export * from '${join(from, file)}';\n`);
}

/** Creates a project and starts it as its README says: in production, under pm2, with Redis. */
async function startInProduction(template: TemplateName) {
  const redis = await startRedis();
  const folder = await makeFolder();
  await linkPackages(folder);
  // pm2 takes a script with a space in its path for a command.
  const cwd = join(folder, `my ${template}`);
  await createProject({ dir: cwd, template, typescript: false, force: false });
  await installGopush(cwd);
  const ports = await ownPorts();
  const { env: home, list } = await startPm2();
  const redisUrl = `redis://127.0.0.1:${redis.port}`;
  const env = { ...ports.env, ...home, GOPUSH_ENV: 'production', REDIS_URL: redisUrl, SESSION_SECRET: 'of the test' };
  const run = (...args: string[]) => gopush(args, { cwd, env });
  const started = await run('pm2', 'start');
  expect([started.code, started.stderr]).toEqual([0, '']);
  const store = new Redis(redisUrl);
  onTestFinished(async () => void (await store.quit()));
  return { url: ports.url, run, list, store };
}

/** Replaces all processes. */
async function reload({ run, list }: Awaited<ReturnType<typeof startInProduction>>): Promise<void> {
  const before = await list();
  expect(before).toHaveLength(4);
  const reloaded = await run('pm2', 'reload');
  expect([reloaded.code, reloaded.stderr]).toEqual([0, '']);
  const after = (await list()).map(({ pid }) => pid);
  for (const { pid } of before) expect(after).not.toContain(pid);
}

// In the usual run tests of `gopush pm2` do the same with the settings of development.
test('minimal under pm2 with Redis: users with signed cookies meet, also after all processes were replaced', {
  skip: !isLong,
  timeout: 240_000,
}, async () => {
  const project = await startInProduction('minimal');
  const connect = (uid: string) => {
    const signature = createHmac('sha256', 'of the test').update(uid).digest('base64url');
    const extraHeaders = { cookie: `session=${uid}.${signature}` };
    return connectClient(project.url, 'websocket', { extraHeaders, reconnection: true });
  };
  const talk = async (message: string) => {
    const [ann, bob] = [await connect('ann'), await connect('bob')];
    for (const client of [ann, bob]) expect(await client.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
    const heard = nextEvent(bob, 'chat');
    ann.emit('room', { room: 'lobby', event: 'chat', message });
    expect(await heard).toMatchObject({ message, sender: 'ann' });
    for (const client of [ann, bob]) client.disconnect();
  };
  // The hook of local trusts ?user=, which that of production must not.
  expect((await fetch(`${project.url}/?user=ann`)).status).toBe(430);
  await talk('before');
  await reload(project);
  await talk('after');
  expect(await project.store.keys('*push*')).not.toEqual([]);
  expect((await project.run('pm2', 'stop')).code).toBe(0);
});

test('notify under pm2 with Redis: a page hears what the command publishes, while all processes are replaced', {
  timeout: 240_000,
}, async () => {
  const project = await startInProduction('notify');
  const page = await connectClient(project.url, 'websocket', { reconnection: true });
  expect(await page.emitWithAck('go:join', 'news')).toMatchObject({ ok: true });
  page.on('connect', () => page.emit('go:join', 'news'));
  const notify = async (message: string) => {
    const heard = nextEvent(page, 'note');
    const { code, stderr } = await project.run('push', 'room', 'news', 'note', message);
    expect([code, stderr]).toEqual([0, '']);
    expect(await heard).toBe(message);
  };
  await notify('before');
  await reload(project);
  await expect.poll(() => page.connected).toBe(true);
  expect(await page.emitWithAck('go:join', 'news')).toMatchObject({ ok: true });
  await notify('after');
  expect(await project.store.keys('*push*')).not.toEqual([]);
  page.disconnect();
  expect((await project.run('pm2', 'stop')).code).toBe(0);
});
