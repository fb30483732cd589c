import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { gopush, makeFolder, makeProject, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { isLong, rows } from '../../../../test/support/long.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

const command = commandsOfFile();

test('a wrong config ends with 2 and says file, line, key, what was found and what is wanted', async () => {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'config/local.json'), '{\n  "agentPrt": 80,\n  "serverWorkers": "two"\n}');
  for (const name of ['start', 'dev', 'check']) {
    const { code, stderr, stdout } = await command([name], { cwd: dir });
    expect([name, code, stdout]).toEqual([name, 2, '']);
    expect(stderr).toMatch(
      /^gopush: config\/local\.json:3: serverWorkers: found "two", wanted a whole number from 0 to 256$/m,
    );
    expect(stderr).toMatch(/^config\/local\.json:2: agentPrt: found an unknown key.*did you mean agentPort\?$/m);
  }
});

test('a missing config says what was looked for and what to do', async () => {
  const dir = await makeFolder();
  expect(await command(['start'], { cwd: dir })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/config\/local\.json: found no such file.*gopush-create/),
  });
  const project = await makeProject();
  const { code, stderr } = await command(['start', '--env', 'staging'], { cwd: project.dir });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/config\/staging\.json: found no such file.*existing environments: local, production/),
  ]);
});

test('the environment is that of --env, then GOPUSH_ENV, then NODE_ENV, then local', async () => {
  const { dir } = await makeProject();
  for (const name of ['asked', 'gopush', 'node']) {
    await writeFile(join(dir, 'config', `${name}.json`), JSON.stringify({ agentPort: name.length }));
  }
  const portOf = async (args: string[], env: NodeJS.ProcessEnv) =>
    JSON.parse((await command([...args, 'config'], { cwd: dir, env })).stdout).agentPort;
  expect(await portOf(['--env', 'asked'], { GOPUSH_ENV: 'gopush', NODE_ENV: 'node' })).toBe(5);
  expect(await portOf([], { GOPUSH_ENV: 'gopush', NODE_ENV: 'node' })).toBe(6);
  expect(await portOf([], { NODE_ENV: 'node' })).toBe(4);
});

test('a broken hook ends with 2, a port in use with 1: one line each, and nothing stays behind', {
  timeout: 120_000,
}, async () => {
  const { dir, port } = await makeProject({ serverWorkers: 1 });
  const taken = createServer().listen(port, '0.0.0.0');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  for (const command of ['start', 'dev']) {
    const { code, stderr } = await gopush([command], { cwd: dir });
    expect([command, code, stderr]).toEqual([
      command,
      1,
      `gopush: port ${port} is in use by another program: stop that, or change agentPort\n`,
    ]);
  }
  taken.close();
  await writeFile(join(dir, 'hooks/agent.local.js'), 'export default (');
  for (const command of ['start', 'dev']) {
    const { code, stderr } = await gopush([command], { cwd: dir });
    expect([command, code]).toEqual([command, 2]);
    expect(stderr).toMatch(/^gopush: .*agent\.local\.js: line 1, column 17: .*\n$/);
  }
});

test('check: all is well, a hook is missing, a port is taken, Redis is away', { timeout: 120_000 }, async () => {
  const redis = await startRedis(['--maxmemory', '100mb', '--maxmemory-policy', 'noeviction']);
  const { dir, port } = await makeProject({ redisAdapter: { port: redis.port } });
  const well = await gopush(['check'], { cwd: dir });
  expect([well.code, well.stderr]).toEqual([0, '']);
  expect(well.stdout).toMatch(
    /✓ config: environment local\n✓ hook agent: .*\n✓ hook onupgrade: .*\n✓ hook router: .*\n✓ agent port: .*\n✓ push-server port: .*\n✓ push-server port: .*\n✓ Redis: answers\n/,
  );

  await redis.kill();
  await rm(join(dir, 'hooks/onupgrade.local.js'));
  const taken = createServer().listen(port, '0.0.0.0');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const ill = await command(['check'], { cwd: dir });
  expect(ill.code).toBe(1);
  expect(ill.stdout).toMatch(/! hook onupgrade: it is missing; create one with: gopush add hook onupgrade/);
  expect(ill.stdout).toMatch(/✗ agent port: port \d+ is in use/);
  expect(ill.stdout).toMatch(/✗ Redis: .*ECONNREFUSED/);
  expect((await command(['check', '--no-ports'], { cwd: dir, env: { GOPUSH_REDIS_ADAPTER: 'null' } })).code).toBe(0);

  await writeFile(join(dir, 'hooks/router.local.js'), 'export default { chat: 5 };');
  await writeFile(join(dir, 'hooks/server.local.js'), 'export default { canJoin: "all" };');
  const broken = await command(['check', '--no-ports'], { cwd: dir, env: { GOPUSH_REDIS_ADAPTER: 'null' } });
  expect([broken.code, broken.stdout]).toEqual([
    2,
    expect.stringMatching(/✗ hook router: .*router\.local\.js: chat: a target is/),
  ]);
  expect(broken.stdout).toMatch(/✗ hook server: .*server\.local\.js: canJoin: found text, wanted a function/);
});

test('check ends, whatever a hook does when it is loaded, and says what it does', { timeout: 180_000 }, async () => {
  const { dir } = await makeProject({ serverWorkers: 1 });
  const pathOf = (hook: string): string => join(dir, `hooks/${hook}.local.js`);
  const readHook = (hook: string): Promise<string> => readFile(pathOf(hook), 'utf8');
  const path = pathOf('agent');
  const unchanged = await readHook('agent');
  const restore: (() => Promise<void>)[] = [];
  const goingOn = {
    agent:
      'import { createServer } from "node:net"; setInterval(() => {}, 1000); createServer().listen(0); console.log("loud");',
    onupgrade: 'for (const said of [null, "ready", { x: 1 }, { checked: 1 }]) process.send?.(said);',
    router:
      'import { connect } from "node:net"; const dial = () => connect(1, "127.0.0.1").on("error", () => setTimeout(dial, 10)); dial();',
  };
  for (const [hook, text] of Object.entries(goingOn)) {
    const before = await readHook(hook);
    await writeFile(pathOf(hook), `${before}\n${text}\n`);
    restore.push(() => writeFile(pathOf(hook), before));
  }
  // That the command ends all the same is seen of a process alone.
  const well = await gopush(['check', '--no-ports'], { cwd: dir });
  for (const hook of Object.keys(goingOn))
    expect([hook, well.code, well.stdout]).toEqual([hook, 0, expect.stringContaining(`✓ hook ${hook}`)]);
  // What hooks print is not in the answer of check.
  expect(well.stdout).not.toMatch(/loud/);
  for (const one of restore) await one();
  const ending: readonly (readonly [string, RegExp])[] = [
    ['process.exit(0);', /✗ hook agent: .*agent\.local\.js: it throws when loaded: it calls process\.exit\(0\)/],
    [
      'process.kill(process.pid, "SIGKILL");',
      /✗ hook agent: .*agent\.local\.js: it ends the process that loads it \(SIGKILL\)/,
    ],
    [
      'setImmediate(() => { throw new Error("late"); });',
      /✗ hook agent: .*agent\.local\.js: it ends the process that loads it \(code 1\)/,
    ],
  ];
  for (const [text, said] of ending) {
    await writeFile(path, `${unchanged}\n${text}\n`);
    const ended = await command(['check', '--no-ports'], { cwd: dir });
    expect([text, ended.code, ended.stdout]).toEqual([text, 2, expect.stringMatching(said)]);
    expect(ended.stdout).not.toMatch(/loud/);
  }
  await writeFile(path, 'process.exit(0);');
  for (const command of rows(['dev'], ['start'])) {
    const { code, stderr } = await gopush([command], { cwd: dir });
    const wanted = expect.stringMatching(/^gopush: .*agent\.local\.js: it throws when loaded: it calls process\.exit/);
    expect([command, code, stderr]).toEqual([command, 2, wanted]);
  }
});

test('add hook server makes a server hook that is checked and decides', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  expect((await command(['add', 'hook', 'server'], { cwd: dir })).code).toBe(0);
  expect((await command(['check'], { cwd: dir })).stdout).toMatch(/✓ hook server: .*server\.local\.js/);
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  const ann = await connectClient(url, 'websocket', { query: { user: 'ann' } });
  expect(await ann.emitWithAck('hello', 1)).toEqual({ ok: true, uid: 'ann', event: 'hello', data: 1 });
  await writeFile(join(dir, 'hooks/server.local.js'), 'export default { canJoin: () => false };');
  await running.until(/hooks reloaded/);
  expect(await ann.emitWithAck('go:join', 'a')).toMatchObject({ error: { code: 'join_refused' } });
});

test('add hook goes where the hooks of a gopush 0.1 project are', async () => {
  const { dir } = await makeProject();
  await rename(join(dir, 'hooks'), join(dir, 'hook'));
  await rm(join(dir, 'hook/agent.local.js'));
  expect((await command(['add', 'hook', 'agent'], { cwd: dir })).code).toBe(0);
  expect(await readdir(join(dir, 'hook'))).toContain('agent.local.js');
});

test('add hook makes what is missing, and overwrites nothing', async () => {
  const { dir } = await makeProject();
  const path = join(dir, 'hooks/agent.local.js');
  const text = await readFile(path, 'utf8');
  await rm(path);
  expect((await command(['add', 'hook', 'agent'], { cwd: dir })).code).toBe(0);
  expect(await readFile(path, 'utf8')).toBe(text);
  expect(await command(['add', 'hook', 'agent'], { cwd: dir })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/exists already/),
  });
});

test.each([[['nonsense']], [['start', 'everything']], [['pm2', 'fly']], [['--what']]])(
  '%j is not a command, and ends with 2',
  async (args) => {
    expect((await command(args)).code).toBe(2);
  },
);

test('dev runs everything in one process and stops cleanly', async () => {
  const { dir, url, fanoutDir } = await makeProject();
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  const client = await connectClient(url, 'upgrade', { query: { user: 'ann' } });
  expect(await client.emitWithAck('room', { room: 'a' })).toMatchObject({ ok: true });
  await writeFile(join(dir, 'hooks/agent.local.js'), 'export default () => "edited";');
  await running.until(/hooks reloaded/);
  client.disconnect();
  running.child.kill('SIGINT');
  expect((await running.ended).code).toBe(0);
  expect(await readdir(fanoutDir)).toEqual([]);
});

// In the usual run, whole-deploy.test.ts starts both tiers by themselves, with more of each.
test('a first start with nothing but the tier of push-servers, then of agents', {
  skip: !isLong,
  timeout: 120_000,
}, async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const servers = startGopush(['start', 'push-server'], { cwd: dir });
  await servers.until(/push-server listening/);
  const agents = startGopush(['start', 'agent'], { cwd: dir });
  await agents.until(/agent listening/);
  await connectClient(url, 'websocket', { query: { user: 'ann' } });
});
