import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { bin, gopush, makeFolder, makeProject, startGopush, startProgram } from '../../../../test/support/cli.ts';
import { commandsOfFile } from '../../../../test/support/commands.ts';
import { outputFault } from '../../../../test/support/output-schema.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { freePort } from '../../../store/test/support/redis.ts';

const command = commandsOfFile();
const keys = fileURLToPath(new URL('../programs/keys.py', import.meta.url));

const operator = 'a-key-of-an-operator-0123';

/** A router with all that `gopush route` tells apart. */
const router = `export default {
  default: 'push-server',
  list: { targets: [{ ip: '127.0.0.1', ports: [1, 2] }], choose: 'least-connections' },
  near: async (request, uid) => {
    const { theme } = request.cookies;
    if (theme === 'broken') throw new Error('no such theme');
    if (theme === 'over') process.exit(3);
    if (theme === 'ours') return 'push-server';
    const net = request.socket.remoteAddress?.startsWith('10.') ? 7 : 8;
    return [{ ip: '127.0.0.1', ports: [net * 10, net * 10 + 1] }].filter(() => uid !== 'nobody');
  },
  routes: [
    { path: '/near', product: 'near', stripPath: true },
    { host: '*.example.com', product: 'list', public: true },
  ],
};`;

/** A running project with admin listeners. */
async function startProject() {
  const admin = {
    agentPort: await freePort(),
    serverPort: await freePort(2),
    keys: [{ name: 'ops', key: operator }],
  };
  const project = await makeProject({ serverWorkers: 1, admin });
  await writeFile(join(project.dir, 'hooks/router.local.js'), router);
  const running = startGopush(['start'], { cwd: project.dir });
  await running.until(/gopush is ready/);
  return { ...project, running, admin };
}

/** An admin listener that says what a test wants. */
async function startAdmin(answer: (path: string) => { status?: number; type?: string; body: string }): Promise<string> {
  const server: Server = createServer((request, response) => {
    const { status = 200, type = 'application/json', body } = answer(request.url ?? '');
    response.writeHead(status, { 'content-type': type }).end(body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const nothing = { messages: 0, deliveries: 0, requests: 0 };
const node = {
  id: 'n1',
  tier: 'push-server',
  name: 'evil\u001b[2J\nname',
  host: 'one',
  pid: 1,
  version: '0.2.0',
  state: 'gone',
  startedAt: 0,
  seenAt: 60_000,
  process: { loopDelayMs: 0, rssBytes: 0, heapBytes: 0, cpu: 0 },
  clients: { connections: 0, handedOff: 0, ownedAlone: 0, held: 0, rooms: 0, users: 0, queuedBytes: 0 },
  perSecond: nothing,
  migrations: { given: 0, taken: 0, migrated: 0, failedOver: 0, fellBack: 0, longestPauseMs: 0, p99PauseMs: 0 },
};
const sick = {
  v: 1,
  at: 120_000,
  by: 'n1',
  isHealthy: false,
  problems: ['n1 is gone since 1 min'],
  store: { kind: 'redis', state: 'down' },
  unread: 0,
  tiers: {},
  nodes: [node],
  products: [
    {
      product: 'shop',
      connections: 1,
      handedOff: 0,
      perSecond: 0,
      errors: 3,
      targets: [
        {
          target: '10.0.0.1:80',
          states: { ejected: 2 },
          why: 'connect',
          connections: 1,
          handedOff: 0,
          perSecond: 0,
          errors: 3,
        },
      ],
    },
  ],
  links: [],
  rooms: [{ room: '聊天室\u0007', members: 1_234, servers: 2 }],
  restarts: [],
  refusals: [{ cause: 'overloaded', count: 12 }],
  fallbacks: [],
  leftOut: {},
};

test('status shows the nodes of a running project, as text and as JSON, and top goes on until it has shown enough', async () => {
  const { dir, url, running, admin } = await startProject();
  const dashboard = `http://127.0.0.1:${admin.agentPort}`;
  expect(running.stdout()).toContain(`"dashboard":"${dashboard}"`);
  expect(await (await fetch(dashboard)).text()).toMatch(/^<!doctype html>/i);
  await connectClient(url, 'websocket', { query: { user: 'ann' } });
  const shown = async () => (await command(['status'], { cwd: dir })).stdout;
  await expect.poll(shown, { timeout: 20_000 }).toMatch(/^healthy · 1 agent, 1 push-server on 1 machine · 1 client ·/);
  const text = await command(['status'], { cwd: dir });
  expect([text.code, text.stderr]).toEqual([0, '']);
  expect(text.stdout).toMatch(/\nNODE +STATE +UP +CLIENTS/);
  expect(text.stdout).toMatch(/agent-0 +ready/);
  expect(text.stdout).toMatch(/\nPRODUCT +TARGET/);
  // No colours if it is no terminal.
  expect(text.stdout).not.toContain('\u001b');
  const state = await command(['status', '--json'], { cwd: dir });
  expect(JSON.parse(state.stdout)).toMatchObject({ v: 1, isHealthy: true });
  expect(outputFault('status', state.stdout)).toBeUndefined();
  const any = `http://127.0.0.1:${admin.serverPort}`;
  const lines = (await gopush(['top', '--admin', any, '--count', '2', '--json'], { cwd: dir })).stdout.trim();
  expect(lines.split('\n').map((line) => outputFault('top', line))).toEqual([undefined, undefined]);
  const drawn = startProgram(
    'python3',
    [keys, 'sort by', 'c', 'sort by', 'q', '--', process.execPath, bin, 'top', '--admin', any],
    { cwd: dir },
  );
  const { stdout } = await drawn.ended;
  expect(stdout).toContain('\u001b[?1049h');
  expect(stdout).toMatch(/agent-0/);
  // What was on the screen comes back, with the cursor.
  expect(stdout.replaceAll('\u001b', 'ESC')).toMatch(/ESC\[\?25hESC\[\?1049l\s+ended 0/);
  const routed = await command(['route', 'ann'], { cwd: dir });
  expect([routed.code, routed.stderr]).toEqual([0, '']);
  expect(routed.stdout).toMatch(
    /^ann of default: 127\.0\.0\.1:\d+\n- the router leads default to the push-servers: 1 target\n/,
  );
  const agents = `http://127.0.0.1:${admin.agentPort}`;
  // A key of the settings is not sent to any address that is given.
  const keyless = await command(['route', 'ann', '--admin', agents], { cwd: dir });
  expect([keyless.code, keyless.stderr]).toEqual([1, expect.stringMatching(/\/cluster\/route responded 40[13]: /)]);
  const json = await command(['route', 'ann', '--json', '--admin', agents], {
    cwd: dir,
    env: { GOPUSH_ADMIN_KEY: operator },
  });
  expect(JSON.parse(json.stdout)).toMatchObject({ uid: 'ann', product: 'default' });
  expect(outputFault('route', json.stdout)).toBeUndefined();
  const unknown = await command(['route', 'ann', '--product', 'none'], { cwd: dir });
  expect(unknown.stderr).toMatch(/responded 404: the router has no product none/);
  await seeRoutes(dir);
  running.signal('SIGTERM');
  await running.ended;
  expect(await command(['status'], { cwd: dir })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^gopush: no admin listener responds: is gopush running\? .*nothing listens there/),
  });
});

/** What `routes` and `route` say of a running project. */
async function seeRoutes(dir: string): Promise<void> {
  const run = (...args: string[]) => command(args, { cwd: dir });
  const listed = await run('routes');
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  expect(listed.stdout).toMatch(
    /HOST +PATH +PRODUCT +HOW\n\*\.example\.com +\/ +list +public\n\* +\/near +near +strips the path\n/,
  );
  expect(listed.stdout).toMatch(/\ndefault +built-in +hash +sid +127\.0\.0\.1:\d+ +up 1 +1\n/);
  expect(listed.stdout).toMatch(
    /\nlist +list +least-connections +sid +127\.0\.0\.1:1 +not used yet +0\n +127\.0\.0\.1:2/,
  );
  expect(listed.stdout).toMatch(/\nnear +function \S+router\.local\.js/);
  const routes = await run('routes', '--json');
  expect(outputFault('routes', routes.stdout)).toBeUndefined();
  // The function is called here, with what the command says of the client.
  const near = await run('route', 'ann', '--path', '/near/x?y=1', '--ip', '10.1.2.3');
  expect([near.code, near.stderr]).toEqual([0, '']);
  expect(near.stdout).toMatch(
    /^ann of near: 127\.0\.0\.1:7[01]\n- the route \/near of the router leads to near\n- a function of the router .* called here/,
  );
  expect(near.stdout).toMatch(/\nthen: 127\.0\.0\.1:7[01]\n$/);
  const far = await run('route', 'ann', '--product', 'near', '--json');
  expect(outputFault('route', far.stdout)).toBeUndefined();
  expect(JSON.parse(far.stdout)).toMatchObject({
    target: expect.stringMatching(/:8[01]$/),
    function: expect.any(String),
  });
  const ours = await run('route', 'ann', '--product', 'near', '--header', 'Cookie: theme=ours');
  expect(ours.stdout).toMatch(/^ann of near: 127\.0\.0\.1:\d{4,}\n/);
  expect((await run('route', 'nobody', '--product', 'near')).stdout).toMatch(/^nobody of near: no target\n/);
  // Whatever a hook does, the command says so.
  const broken = await run('route', 'ann', '--product', 'near', '--header', 'Cookie: theme=broken');
  expect([broken.code, broken.stderr]).toEqual([1, expect.stringMatching(/router_hook_rejected: .*no such theme/)]);
  const over = await run('route', 'ann', '--product', 'near', '--header', 'Cookie: theme=over');
  expect([over.code, over.stderr]).toEqual([1, expect.stringMatching(/end the process that loads them \(code 3\)/)]);
  // A client without a uid is chosen for by its network.
  const [one, other] = [await run('route', '--ip', '2001:db8::1'), await run('route', '--ip', '2001:db8::2')];
  expect(one.stdout).toMatch(
    /^2001:db8::1 of default: .*\n- an anonymous client is hashed by its network, 2001:db8:0:0\n/,
  );
  expect(other.stdout.split('\n')[1]).toBe(one.stdout.split('\n')[1]);
  const host = await run('route', 'ann', '--host', 'a.example.com');
  expect(host.stdout).toMatch(/^ann of list: /);
  for (const [args, code, message] of [
    [['route'], 2, /wanted a uid, or --ip/],
    [['route', 'ann', '--ip', 'here'], 1, /responded 400: ip: found something else/],
    [['route', 'ann', '--product', 'near', '--header', 'no line'], 2, /--header: wanted lines/],
    [['route', 'ann', '--path', '/near/..%2flist'], 1, /The path can be read in several ways/],
  ] as const) {
    expect(await run(...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
  }
}

test('route leaves out a target that the agent knows to be down, and says so where there is no project', async () => {
  const said = {
    ...{ uid: 'ann', product: 'near', entry: 'near', target: null, ranking: [], pushServers: [] },
    why: ['a function of the router (router.js) names the targets of each request: it is not called here'],
    function: 'router.js',
    known: ['80', '81'].map((port) => ({ target: `127.0.0.1:${port}`, state: 'ejected', why: 'target_reset' })),
  };
  const [, up] = said.known;
  const admin = await startAdmin(() => ({ body: JSON.stringify({ ...said, known: [{ ...up, state: 'up' }] }) }));
  const allDown = await startAdmin(() => ({ body: JSON.stringify(said) }));
  const { dir } = await makeProject();
  await writeFile(join(dir, 'hooks/router.local.js'), router);
  const [first, none, elsewhere] = [
    await command(['route', 'ann', '--admin', admin, '--json'], { cwd: dir }),
    await command(['route', 'ann', '--admin', allDown, '--json'], { cwd: dir }),
    await command(['route', 'ann', '--admin', allDown], { cwd: await makeFolder() }),
  ];
  for (const { stdout } of [first, none]) expect(outputFault('route', stdout)).toBeUndefined();
  expect(JSON.parse(first.stdout).target).toMatch(/^127\.0\.0\.1:8[01]$/);
  expect(JSON.parse(none.stdout)).toMatchObject({
    target: null,
    why: expect.arrayContaining(['127.0.0.1:80 takes no new clients: ejected, target_reset']),
  });
  expect(elsewhere.code).toBe(0);
  expect(elsewhere.stdout).toMatch(
    /^ann of near: no target\n- a function .*not called here\n- nor here: config\/local\.json: found no such file/,
  );
});

test('status of a cluster that is not healthy says what is wrong, ends with 1, and shows no control characters of names', async () => {
  const admin = await startAdmin(() => ({ body: JSON.stringify(sick) }));
  const { code, stdout } = await command(['status', '--admin', admin]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^not healthy/);
  expect(stdout).toContain('! n1 is gone since 1 min');
  expect(stdout).toMatch(/evil\?\[2J\?name +gone +1 min ago/);
  expect(stdout).toMatch(/shop +10\.0\.0\.1:80 +ejected 2 \(connect\) +1 +0 +0 +3/);
  expect(stdout).toMatch(/聊天室\? +1\.2k +2/);
  expect(stdout).toContain('refused: overloaded 12');
  expect(stdout).not.toContain('\u0007');
  expect((await command(['status', '--json', '--admin', admin])).code).toBe(1);
});

test.each([
  [
    'a listener without a cluster',
    () => ({ status: 404, type: 'text/plain', body: 'this node shows no cluster\n' }),
    1,
    /\/cluster responded 404: this node shows no cluster/,
  ],
  ['something else that listens there', () => ({ body: '<html>' }), 1, /is not a cluster/],
  ['JSON of something else', () => ({ body: '{"v":1}' }), 1, /is not a cluster/],
] as const)('status at %s says so', async (_what, answer, code, message) => {
  const ended = await command(['status', '--admin', await startAdmin(answer)]);
  expect([ended.code, ended.stdout, ended.stderr]).toEqual([code, '', expect.stringMatching(message)]);
});

test('without a listener in the settings, and with a URL that is none, commands say what to do', async () => {
  const { dir } = await makeProject({ admin: null });
  expect(await command(['status'], { cwd: dir })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/admin: found null, wanted an admin listener; set admin: \{\}, or use --admin/),
  });
  expect(await command(['top', '--admin', 'localhost'], { cwd: dir })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--admin: wanted http/),
  });
  expect(await command(['status', '--admin', 'http://127.0.0.1:1', '--admin-key', 'secret\n€'])).toMatchObject({
    code: 2,
    stderr: 'gopush: the admin key contains characters that are not allowed in a header\n',
  });
  expect((await command(['top', '--count', '0'], { cwd: dir })).code).toBe(2);
});

test('top says that the listener ended, where it does', async () => {
  const body = `retry: 2000\n\nevent: state\ndata: ${JSON.stringify(sick)}\n\n`;
  const admin = await startAdmin(() => ({ type: 'text/event-stream', body }));
  const { code, stdout, stderr } = await gopush(['top', '--admin', admin]);
  expect(stdout).toMatch(/^not healthy/);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/connection to the admin listener was lost: it ended the stream/),
  ]);
});

test('config tells where each setting was given, and hides secrets', async () => {
  const dir = await makeFolder();
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'config/local.json'), '{\n  "agentPort": 7000,\n  "agent": { "drainMs": 1 }\n}');
  await writeFile(join(dir, 'config/secrets.local.json'), '{ "access": { "secrets": ["0123456789abcdef"] } }');
  const env = { GOPUSH_SERVER_WORKERS: '3' };
  const { stdout } = await command(['config', '--origins'], { cwd: dir, env });
  const lines = stdout.split('\n');
  for (const line of [
    /^agentPort = 7000 {2}# .*config\/local\.json:2$/,
    /^agent\.drainMs = 1 {2}# .*config\/local\.json:3$/,
    /^serverWorkers = 3 {2}# environment variable GOPUSH_SERVER_WORKERS$/,
    /^access\.secrets = "\(hidden\)" {2}# .*config\/secrets\.local\.json:1$/,
    /^agentWorkers = 1 {2}# default$/,
  ]) {
    expect(lines).toContainEqual(expect.stringMatching(line));
  }
  expect(stdout).not.toContain('0123456789abcdef');
  const { origins, settings } = JSON.parse(
    (await command(['config', '--origins', '--json'], { cwd: dir, env })).stdout,
  );
  expect(settings.agentPort).toBe(7000);
  // As ecosystem.config.cjs reads them.
  expect(JSON.parse((await command(['config'], { cwd: dir, env })).stdout)).toEqual(settings);
  expect(Object.keys(origins).toSorted()).toEqual(['access.secrets', 'agent.drainMs', 'agentPort', 'serverWorkers']);
});

test('a command whose output is read in part ends without a stack', async () => {
  const { dir } = await makeProject();
  const line = execFileSync('sh', ['-c', `"${process.execPath}" "${bin}" config 2>&1 | head -1`], {
    cwd: dir,
    timeout: 30_000,
  });
  expect(String(line).split('\n').length).toBe(2);
});

test('an unknown command names the nearest one; help is grouped, and has examples and exit codes', async () => {
  const wrong = await command(['stauts']);
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringMatching(/unknown command 'stauts'\s+\(Did you mean status\?\)/),
  ]);
  const { stdout } = await command(['--help']);
  for (const part of ['Run:', 'Watch:', 'Publish and look up:', 'Set up:', 'Examples:', 'Exit codes:'])
    expect(stdout).toContain(part);
});

test('what commands print with --json is as the published schemas say', async () => {
  const { dir } = await makeProject({
    // As each new project has it.
    $schema: '../node_modules/gopush/dist/config.schema.json',
    api: { keys: [{ name: 'a', key: 'k'.repeat(24), scopes: ['read'] }] },
  });
  for (const [name, args, code] of [
    ['check', ['check', '--json', '--no-ports'], 0],
    ['check', ['check', '--json', '--no-ports', '--dir', '/nowhere'], 2],
    ['config', ['config', '--json'], 0],
    ['config', ['config'], 0],
    ['configOrigins', ['config', '--origins', '--json'], 0],
  ] as const) {
    const { stdout, ...ended } = await command(args, { cwd: dir });
    expect(ended.code, ended.stderr).toBe(code);
    expect(outputFault(name, stdout), args.join(' ')).toBeUndefined();
  }
  // A schema that accepts anything would say nothing.
  expect(outputFault('check', '{"ok":true,"findings":[{"what":"x","state":"fine","detail":""}]}')).toMatch(/findings/);
  expect(outputFault('check', '{"ok":true,"findings":[],"more":1}')).toBeDefined();
  // What this file makes up lacks some fields.
  expect(outputFault('status', JSON.stringify(sick))).toMatch(/totals/);
  expect(outputFault('status', JSON.stringify({ ...sick, rooms: [{ room: 1 }] }))).toMatch(/rooms/);
  // All commands that have --json are among them.
  const { stdout } = await command(['completion', 'bash']);
  const withJson = [...stdout.matchAll(/^ +"gopush (\w+)"\) found="[^"]*--json/gm)].map(([, name]) => name);
  expect(withJson.toSorted()).toEqual([
    ...['check', 'config', 'listen', 'presence', 'route', 'routes', 'status', 'token', 'top'],
  ]);
});
