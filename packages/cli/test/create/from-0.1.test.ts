import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeFolder, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { freePort, startRedis } from '../../../store/test/support/redis.ts';

const command = commandsOfFile();

/** A project as `gopush-create` of gopush 0.1 made it, on ports of its own: CommonJS, without a package.json. */
async function makeOldProject() {
  const redis = await startRedis();
  const dir = await makeFolder();
  const [agentPort, serverPortStart] = [await freePort(), await freePort(2)];
  const config = {
    agentPort,
    serverPortStart,
    senecaPort: 60_000,
    serverIps: ['127.0.0.1'],
    serverWorkers: 2,
    agentWorkers: 1,
    redisAdapter: { host: '127.0.0.1', port: String(redis.port) },
    mongodb: 'mongodb://localhost/push_service',
  };
  const write = async (name: string, text: string | object): Promise<void> => {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), typeof text === 'string' ? text : JSON.stringify(text, null, 2));
  };
  for (const environment of ['develop', 'production']) await write(`config/${environment}.json`, config);
  await write(
    'hook/agent-middleware.js',
    'module.exports = function(app){ app.use(function(req, res, next){ res.locals.uid = req.cookies.uid; next(); }); }',
  );
  await write(
    'hook/onupgrade-middleware.js',
    'module.exports = function(req){ return new Promise((resolve) => resolve(/uid=([^;]*)/.exec(req.headers.cookie || "")[1])); }',
  );
  await write('hook/admin-middleware.js', 'module.exports = function(app){ app.use((req, res, next) => next()); }');
  await mkdir(join(dir, 'node_modules'));
  await symlink(fileURLToPath(new URL('../..', import.meta.url)), join(dir, 'node_modules/gopush'));
  return { dir, write, config, url: `http://127.0.0.1:${agentPort}` };
}

test('a project of gopush 0.1: what it is told, step by step, until it runs', { timeout: 180_000 }, async () => {
  const { dir, write, config, url } = await makeOldProject();
  const run = (...args: string[]) => command(args, { cwd: dir });
  const bare = await run();
  expect(bare.code).toBe(2);
  expect(bare.stderr).toMatch(
    /wanted a command: gopush start .*; gopush pm2 start runs them under pm2, as gopush without a command did in 0\.1/,
  );

  const without = await run('start');
  expect([without.code, without.stdout]).toEqual([2, '']);
  expect(without.stderr).toMatch(
    /config\/local\.json: found no such file.*existing environments: develop, production.*GOPUSH_ENV=develop/,
  );

  const check = async () => {
    const { code, stdout } = await run('--env', 'develop', 'check');
    return { code, lines: stdout.split('\n').filter((line) => /^[!✗]/.test(line)) };
  };
  const first = await check();
  expect(first.code).toBe(2);
  const told = (text: string) => expect(first.lines.join('\n')).toContain(text);
  told(
    '! config: config/develop.json:4: senecaPort is a setting of gopush 0.1 and is ignored: the Seneca service was removed',
  );
  told('! config: config/develop.json:14: mongodb is a setting of gopush 0.1 and is ignored');
  told('! config: config/develop.json:5: serverIps is a setting of gopush 0.1 and is ignored');
  told(
    `redisAdapter.port: "${config.redisAdapter.port}" is read as ${config.redisAdapter.port}: write it without quotes`,
  );
  told('✗ hooks: hook/agent-middleware.js is not read: it was renamed to agent');
  told('✗ hooks: hook/onupgrade-middleware.js is not read: it was renamed to onupgrade');
  told('✗ hooks: hook/admin-middleware.js is not read: this hook was removed');
  told('✗ hook agent: it is missing');

  // Started all the same it runs, and says why it serves nobody.
  const early = startGopush(['--env', 'develop', 'start', 'agent'], { cwd: dir });
  await early.until(/there is no agent hook: .*hook\/agent-middleware\.js was renamed to agent\.js/);
  early.signal('SIGTERM');
  await early.ended;

  await rename(join(dir, 'hook/agent-middleware.js'), join(dir, 'hook/agent.js'));
  await rename(join(dir, 'hook/onupgrade-middleware.js'), join(dir, 'hook/onupgrade.js'));
  await rm(join(dir, 'hook/admin-middleware.js'));
  expect((await check()).code).toBe(0);
  // A busy machine is no reason to refuse the clients of a test.
  const env = { GOPUSH_LIMITS_EVENT_LOOP_DELAY_MS: '0', GOPUSH_PUSH_SERVER_LIMITS_BEGIN_DELAY_MS: '0' };
  const running = startGopush(['--env', 'develop', 'start'], { cwd: dir, env });
  await running.until(/gopush is ready/);
  const client = await connectClient(url, 'websocket', { extraHeaders: { cookie: 'uid=user@gopush.demo' } });
  client.emit('room', { room: 'lobby' });
  const other = await connectClient(url, 'polling', { extraHeaders: { cookie: 'uid=other' } });
  const heard = nextEvent(client, 'chat');
  other.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  expect(await heard).toMatchObject({ message: 'hello' });
  const library = await fetch(`${url}/socket.io.js`, { headers: { cookie: 'uid=x' } });
  expect([library.status, library.url]).toEqual([200, `${url}/socket.io/socket.io.js`]);
  expect(await library.text()).toContain('Socket.IO v4');
  expect((await fetch(url)).status).toBe(430);
  for (const one of [client, other]) one.disconnect();
  running.signal('SIGTERM');
  await running.ended;

  // What would leave machines without clients is no warning.
  await write('config/develop.json', { ...config, serverIps: ['10.0.0.5', '10.0.0.6'] });
  const several = await run('--env', 'develop', 'start');
  expect(several.code).toBe(2);
  expect(several.stderr).toMatch(
    /config\/develop\.json:5: serverIps: found \["10\.0\.0\.5","10\.0\.0\.6"\], wanted no such setting.*"discover": true.*from-0\.1\.md/,
  );
  // With both files it is the other one that counts now.
  await write('config/local.json', { agentPort: 0 });
  expect((await run('check', '--no-ports')).stdout).toMatch(
    /! config: .*local\.json is read; gopush 0\.1 read config\/develop\.json on Linux: set GOPUSH_ENV=develop/,
  );
});
