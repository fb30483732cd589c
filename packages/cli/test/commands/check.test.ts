import { once } from 'node:events';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type ConfigInput, createConfig } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { gopush, makeFolder, makeProject, startGopush } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { freePort } from '../../../store/test/support/redis.ts';
import { checkHookNames } from '../../src/check/check-hook-names.ts';
import { checkPorts } from '../../src/check/check-ports.ts';
import { checkReach } from '../../src/check/check-reach.ts';
import { checkTargets } from '../../src/check/check-targets.ts';
import { tiers } from '../../src/tier-names.ts';

const command = commandsOfFile();

/** Writes files of a project over those it has. */
async function write(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
}

interface Found {
  readonly code: number | null;
  readonly ok: boolean;
  /** As lines: `wrong hooks: …`. */
  readonly lines: string[];
}

/** What `gopush check --json` finds beyond what is well. */
async function check(dir: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Found> {
  const { code, stdout, stderr } = await command(['check', '--json', ...args], { cwd: dir, env });
  expect(stderr).toBe('');
  const { ok, findings } = JSON.parse(stdout) as {
    ok: boolean;
    findings: { what: string; state: string; detail: string }[];
  };
  expect(ok).toBe(code === 0);
  const lines = findings
    .filter(({ state }) => state !== 'ok')
    .map(({ what, state, detail }) => `${state} ${what}: ${detail}`);
  return { code, ok, lines };
}

async function occupy(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
}

test('why connections cannot be handed over is told, and how to mend it', async () => {
  const { dir } = await makeProject({
    access: { secrets: ['0123456789abcdef'] },
    handOff: { enabled: true, dir: 'meet' },
  });
  const found = async () => (await check(dir, ['--no-ports'])).lines;
  expect(await found()).toEqual([]);
  await chmod(join(dir, 'meet'), 0o755);
  const mended = /^warning hand-off: agents use tunnels: .*meet is open to other users: restrict it \(chmod 700\)$/;
  expect(await found()).toEqual([expect.stringMatching(mended)]);
});

test('a new project is well, and what is wrong around it is told with what to change', {
  timeout: 60_000,
}, async () => {
  const [agentAdmin, serverAdmin, dead] = [await freePort(), await freePort(2), await freePort()];
  const { dir } = await makeProject({
    access: { secrets: ['0123456789abcdef'] },
    admin: { agentPort: agentAdmin, serverPort: serverAdmin },
  });
  expect(await check(dir)).toEqual({ code: 0, ok: true, lines: [] });
  await occupy(agentAdmin);
  await occupy(serverAdmin + 1);
  await rename(join(dir, 'public'), join(dir, 'elsewhere'));
  await write(dir, {
    'hooks/router.local.js': `export default { default: 'push-server', game: [{ ip: '127.0.0.1', ports: [${dead}] }] };`,
    'hooks/agent.local.js': `import './helper.js'; export default (req) => process.env.SESSION_SECRET && req.headers['x-user'];`,
    'hooks/helper.js': `const { OPTIONAL = 1, NEEDED } = process.env; export const level = process.env.LEVEL ?? 'x' + NEEDED + OPTIONAL;`,
    'hooks/agents.js': 'not a hook, and no script either',
    '.gopush/store': 'a file where a folder is to be',
  });
  const { code, lines } = await check(dir);
  expect(code).toBe(2);
  expect(lines.sort()).toEqual([
    'warning environment: NEEDED is not set, but hooks/helper.js reads it',
    'warning hooks: hooks/agents.js is not read: did you mean agent.js?',
    expect.stringMatching(
      `^warning target: product game: 127.0.0.1:${dead} does not accept connections \\(ECONNREFUSED\\)`,
    ),
    expect.stringMatching(
      `^wrong admin port of a push-server: port ${serverAdmin + 1} of 127.0.0.1 is in use .* admin.serverPort \\(\\+ 1 for this process\\)`,
    ),
    expect.stringMatching(
      `^wrong admin port of an agent: port ${agentAdmin} of 127.0.0.1 is in use .* change admin.agentPort`,
    ),
    'wrong environment: SESSION_SECRET is not set, but hooks/agent.local.js reads it',
    expect.stringMatching(
      /^wrong files: pushServer\.publicDir: .*\/public does not exist: create it, or change pushServer\.publicDir/,
    ),
    expect.stringMatching(/^wrong files: pushServer\.storeDir: .*\/\.gopush\/store is not a folder/),
  ]);
  const fewer = await check(dir, ['agent', '--no-ports'], { SESSION_SECRET: 'x' });
  expect([fewer.code, fewer.lines.map((line) => line.replace(/:.*/, ''))]).toEqual([
    0,
    ['warning hooks', 'warning environment', 'warning target'],
  ]);
  // What runs is not kept from being replaced by what is around it.
  expect(await check(dir, ['--build'])).toEqual({ code: 0, ok: true, lines: [] });
});

test.each<[string, object, RegExp]>([
  [
    'agents and push-servers',
    { agentPort: 4001, serverPortStart: 4000 },
    /wrong push-server port: port 4001 is also that of the agent port: change serverPortStart \(\+ 1\) or agentPort/,
  ],
  [
    'agents and admin',
    { agentPort: 9601, agentWorkers: 2, admin: {} },
    /wrong admin port of an agent: port 9601 .*: change admin\.agentPort \(\+ 1\) or agentPort/,
  ],
  [
    'push-servers and admin',
    { serverPortStart: 9599, admin: {} },
    /admin port of an agent: port 9600 .* admin\.agentPort or serverPortStart \(\+ 1\)/,
  ],
  [
    'the admin ports of both tiers',
    { agentWorkers: 3, admin: { agentPort: 9600, serverPort: 9602 } },
    /admin port of a push-server: port 9602 .* admin\.serverPort or admin\.agentPort \(\+ 2\)/,
  ],
  [
    'a range beyond the last port',
    { serverPortStart: 65535 },
    /wrong push-server port: port 65536: the highest port is 65535: change serverPortStart/,
  ],
  [
    'an address of another machine',
    { agentPort: 6003, agent: { host: '192.0.2.1' } },
    /wrong agent port: port \d+ of 192\.0\.2\.1: this machine has no such address: change agent\.host/,
  ],
])('ports: %s', async (_which, config, line) => {
  const all = { agentPort: 0, serverPortStart: 0, ...config };
  const found = (await checkPorts(createConfig(all), tiers)).filter(({ state }) => state !== 'ok');
  expect(found.map(({ what, state, detail }) => `${state} ${what}: ${detail}`).join('\n')).toMatch(line);
});

test('ports of one number on two addresses are two', async () => {
  const port = await freePort(2);
  const config = createConfig({ agentPort: port, serverPortStart: port, agent: { host: '127.0.0.2' } });
  expect((await checkPorts(config, tiers)).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
});

test.each<[string, string, string | undefined]>([
  ['hooks/router.locl.js', 'wrong', 'did you mean router.local.js?'],
  ['hooks/routr.local.js', 'wrong', 'did you mean router.local.js?'],
  ['hooks/agents.local.js', 'wrong', 'did you mean agent.local.js?'],
  ['hooks/Agent.local.js', 'wrong', 'did you mean agent.local.js?'],
  ['hooks/onUpgrade.js', 'warning', 'did you mean onupgrade.js?'],
  ['hooks/agent-local.js', 'wrong', 'did you mean agent.local.js?'],
  ['hooks/router_production.js', 'wrong', 'did you mean router.production.js?'],
  ['hooks/router.local.json', 'wrong', 'did you mean router.local.js?'],
  ['hooks/router.local.tsx', 'wrong', 'did you mean router.local.js?'],
  ['hooks/agent.local.js.txt', 'wrong', 'did you mean agent.local.js?'],
  ['hooks/agent-middleware.js', 'wrong', 'it was renamed to agent'],
  ['hooks/onupgrade-middleware_production.js', 'wrong', 'it was renamed to onupgrade'],
  ['hooks/dest.production.js', 'wrong', 'it was renamed to router'],
  ['hooks/router.staging.js', 'warning', 'there is no environment staging: config/staging.json does not exist'],
  ['hooks/local/router.js', 'wrong', 'hooks are read from hooks/'],
  ['hook/router.js', 'wrong', 'hooks are read from hooks/'],
  ['router.local.js', 'wrong', 'hooks are read from hooks/'],
  ['config/agent.production.js', 'wrong', 'hooks are read from hooks/'],
  ['server.js', 'no', undefined],
  ['src/router.js', 'no', undefined],
  ['hooks/agent.test.ts', 'no', undefined],
  ['hooks/database.js', 'no', undefined],
  ['hooks/agent.local.d.ts', 'no', undefined],
  ['hooks/README.md', 'no', undefined],
])('a file that is meant as a hook is told: %s', async (name, state, problem) => {
  const dir = await makeFolder();
  const settings = { 'config/local.json': '{}', 'config/production.json': '{}' };
  await write(dir, { ...settings, 'hooks/agent.local.js': '', 'hooks/router.js': '', [name]: '' });
  const found = (await checkHookNames(dir, [])).map(({ state: how, detail }) => [
    how,
    detail.replace(/.*is not read: /, ''),
  ]);
  expect(found).toEqual(problem === undefined ? [] : [[state, problem]]);
  // One that a hook imports may have any name.
  expect(await checkHookNames(dir, [join(dir, name)])).toEqual([]);
});

test('a hook without a return is found, and a project without an agent hook', { timeout: 60_000 }, async () => {
  const { dir } = await makeProject({ access: { secrets: ['0123456789abcdef'] } });
  await write(dir, {
    'hooks/agent.local.js': 'export default (req) => { req.cookies.uid; };',
    'hooks/onupgrade.local.js': 'export default async function (req) { await req.url; }',
    'hooks/router.local.js':
      'export default { default: async (req, uid) => { await uid; }, other: () => ({ ip: "a", port: 1 }) };',
  });
  const { code, lines } = await check(dir, ['--no-ports']);
  expect(code).toBe(2);
  expect(lines).toEqual([
    expect.stringMatching(/^wrong hook agent: .*agent\.local\.js: it has no return/),
    expect.stringMatching(/^wrong hook onupgrade: .*onupgrade\.local\.js: it has no return/),
    expect.stringMatching(/^wrong hook router: .*router\.local\.js: default: it has no return/),
  ]);
  for (const hook of ['agent', 'onupgrade', 'router']) await rm(join(dir, `hooks/${hook}.local.js`));
  const none = await check(dir, ['--no-ports']);
  expect([none.code, none.lines[0]]).toEqual([2, expect.stringMatching(/^wrong hook agent: it is missing/)]);
});

test('gopush check --json prints JSON alone, whatever is wrong and whatever hooks print', {
  timeout: 60_000,
}, async () => {
  const { dir } = await makeProject();
  await write(dir, {
    'hooks/agent.local.js': 'console.log("loud"); process.stdout.write("louder"); export default () => "ann";',
  });
  const { stdout } = await gopush(['check', '--json', '--no-ports'], { cwd: dir });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  await write(dir, { 'config/local.json': '{ "agentPort": "x", "bogus": 1 }' });
  const { code, lines } = await check(dir);
  expect([code, lines.length]).toEqual([2, 2]);
  await write(dir, { 'config/local.json': '{ "agentPort": ' });
  expect((await check(dir)).lines).toEqual([expect.stringMatching(/^wrong config: .*syntax error/)]);
  await rm(join(dir, 'config'), { recursive: true });
  expect((await check(dir)).lines).toEqual([expect.stringMatching(/^wrong config: .*found no such file/)]);
  const missing = await gopush(['config'], { cwd: dir });
  expect([missing.code, missing.stdout]).toEqual([2, '']);
});

test('with a log in JSON there is nothing else on standard output, not even what hooks print', async () => {
  const { dir } = await makeProject({ serverWorkers: 1, log: { format: 'json' } });
  await write(dir, {
    'hooks/agent.local.js':
      'console.log("at load", { a: 1 }); export default () => { console.error("bad"); console.table([1]); console.dir({ b: 2 }); return "ann"; };',
  });
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready: http:\/\/localhost:/);
  const { agentPort } = JSON.parse(await readFile(join(dir, 'config/local.json'), 'utf8'));
  await fetch(`http://127.0.0.1:${agentPort}/`);
  await running.until(/"b: 2|b: 2/);
  running.signal('SIGTERM');
  const { stdout } = await running.ended;
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const said = lines.filter(({ from }) => from === 'console').map(({ level, msg }) => [level, msg]);
  expect(said).toContainEqual(['info', 'at load { a: 1 }']);
  expect(said).toContainEqual(['error', 'bad']);
  expect(said).toContainEqual(['info', '{ b: 2 }']);
});

test('push-servers that agents of other machines cannot reach are a warning', () => {
  const found = (config: ConfigInput) =>
    checkReach(createConfig(config)).map(({ state, detail }) => [state, detail.split(':')[0]]);
  const redisAdapter = { host: '10.0.0.2' };
  const [routing, access] = [{ discover: true }, { secrets: ['0123456789abcdef'] }];
  expect(found({ redisAdapter, routing })).toEqual([['warning', 'pushServer.host']]);
  expect(found({ redisAdapter, routing, access, pushServer: { host: '10.0.0.3', announceHost: '::1' } })).toEqual([
    ['warning', 'pushServer.announceHost'],
  ]);
  expect(found({ redisAdapter })).toEqual([]);
  expect(found({ redisAdapter: {}, routing })).toEqual([]);
  expect(found({ redisAdapter, routing, access, pushServer: { host: '0.0.0.0' } })).toEqual([]);
});

test('a listed Unix socket on which nobody listens is a warning', async () => {
  const folder = await makeFolder();
  const target = {
    product: 'app',
    host: 'localhost',
    port: 80,
    weight: 1,
    authority: 'localhost:80',
    socketPath: join(folder, 'app.sock'),
    name: 'unix:app',
  };
  const ask = async () => (await checkTargets([target], createConfig())).map(({ state, detail }) => [state, detail]);
  expect(await ask()).toEqual([
    ['warning', expect.stringMatching(/product app: unix:app does not accept connections \(ENOENT\)/)],
  ]);
  const server = createServer().listen(target.socketPath);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  expect(await ask()).toEqual([]);
});
