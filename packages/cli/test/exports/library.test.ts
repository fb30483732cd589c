import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startAgent } from '@gopush/agent';
import { startPushServer } from '@gopush/push-server';
import { createLogger } from 'gopush';
import { createClient } from 'gopush/client';
import { verifyJwt } from 'gopush/jwt';
import { startProject } from 'gopush/testing';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../../test/support/cli.ts';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { openClient } from '../../../../test/support/socket-io.ts';
import { freePort } from '../../../store/test/support/redis.ts';

const gopush = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** Runs a program that embeds gopush. */
async function run(program: string): Promise<{ stdout: string; stderr: string }> {
  const cwd = await makeFolder();
  const script = `import { createLogger, startAgent, startPushServer } from ${JSON.stringify(gopush)};\n${program}\nprocess.exit(0);`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], { cwd }, (_error, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}

const failing = `{ agent: () => { throw new Error('no database'); } }`;

test('what a hook throws is on standard error, where no logger is given, with its stack; requests are not', async () => {
  const { stdout, stderr } = await run(`
    const agent = await startAgent({ config: { agentPort: 0 }, hooks: ${failing} });
    console.log((await fetch(agent.url)).status);
  `);
  expect(stdout).toBe('500\n');
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      node: expect.stringMatching(/-agent-0$/),
      code: 'uid_hook_threw',
      err: expect.objectContaining({ message: 'no database' }),
    }),
  ]);
});

test('Redis that is away is on standard error, of agents and push-servers', async () => {
  const config = `{ agentPort: 0, serverPortStart: 0, redisAdapter: { port: ${await freePort()} }, routing: { discover: true } }`;
  const { stderr } = await run(`
    await startPushServer({ config: ${config} });
    await startAgent({ config: ${config}, hooks: { agent: () => 'ann' } });
    await new Promise((resolve) => setTimeout(resolve, 1500));
  `);
  expect(stderr).toMatch(/"level":"error","node":"[^"]*-push-server-0".*Redis cannot be reached/);
  expect(stderr).toMatch(/"level":"(error|warn)","node":"[^"]*-agent-0".*store/);
});

test('a logger of gopush can be given, and the settings of the log count', { timeout: 60_000 }, async () => {
  const given = await run(`
    const logger = createLogger({ level: 'info', format: 'json', node: 'mine' });
    const agent = await startAgent({ config: { agentPort: 0 }, hooks: ${failing}, logger });
    await fetch(agent.url);
  `);
  expect([given.stdout, given.stderr]).toEqual([
    expect.stringMatching(/"node":"mine".*agent listening[\s\S]*uid_hook_threw/),
    '',
  ]);
  const silent = await run(`
    const agent = await startAgent({ config: { agentPort: 0, log: { level: 'silent' } }, hooks: ${failing} });
    await fetch(agent.url);
  `);
  expect(silent).toEqual({ stdout: '', stderr: '' });
});

test.each([
  [{ levle: 'info' }, /^createLogger: levle: found an unknown key, wanted one of level, .*did you mean level\?$/],
  [
    { level: 'warning' },
    /^createLogger: level: found "warning", wanted one of trace, debug, info, warn, error, silent$/,
  ],
  [{ stream: 'file' }, /^createLogger: stream: found "file", wanted one of stdout, stderr$/],
])('a logger with the options %j is refused', (options, message) => {
  expect(() => createLogger(options as never)).toThrow(message);
});

test.each([
  [
    'startAgent',
    () => startAgent({ hoks: {} } as never),
    /^startAgent: hoks: found an unknown key, wanted one of config, hooks, .*; did you mean hooks\?$/,
  ],
  [
    'its hooks',
    () => startAgent({ hooks: { agnt: () => 'ann' } as never }),
    /^startAgent: hooks: agnt: found an unknown key, wanted one of agent, onupgrade, router; did you mean agent\?$/,
  ],
  [
    'the place of its hooks',
    () => startAgent({ hooks: { dir: '.', enviroment: 'local' } as never }),
    /^startAgent: hooks: enviroment: .*did you mean environment\?$/,
  ],
  [
    'hooks beside their place',
    () => startAgent({ hooks: { dir: '.', environment: 'x', agent: () => 'ann' } as never }),
    /^startAgent: hooks: agent: found an unknown key, wanted one of dir, environment$/,
  ],
  [
    'its settings',
    () => startAgent({ config: { agent: { drainMS: 1 } } as never }),
    /^agent\.drainMS: found an unknown key.*did you mean drainMs\?$/,
  ],
  [
    'a product of the router',
    () => startAgent({ hooks: { router: { chat: { targets: 'push-server', stiky: 'sid' } } } as never }),
    /chat: stiky: found an unknown key.*did you mean sticky\?/,
  ],
  [
    'a target of the router',
    () => startAgent({ hooks: { router: { chat: { ip: '::1', port: 1, wieght: 2 } } } as never }),
    /chat: wieght: found an unknown key.*did you mean weight\?/,
  ],
  ['startPushServer', () => startPushServer({ indx: 1 } as never), /^startPushServer: indx: .*did you mean index\?$/],
  [
    'the place of its hook',
    () => startPushServer({ hooks: { dir: '.', env: 'local' } as never }),
    /^startPushServer: hooks: env: found an unknown key, wanted one of dir, environment/,
  ],
  [
    'its hook',
    () => startPushServer({ hooks: { canJion: () => true } as never }),
    /canJion: found an unknown function; did you mean canJoin\?/,
  ],
  [
    'hooks that are no object',
    () => startAgent({ hooks: 'hooks' as never }),
    /^startAgent: hooks: found text, wanted an object$/,
  ],
  [
    'a hook that is no object',
    () => startPushServer({ hooks: (() => true) as never }),
    /^startPushServer: hooks: found a function, wanted an object$/,
  ],
  [
    'a logger that is none',
    () => startAgent({ logger: { info() {}, error() {} } as never }),
    /^startAgent: logger: found no function debug, wanted debug, info, warn and error$/,
  ],
  ['no object', () => startAgent('hooks' as never), /^startAgent: found text, wanted an object$/],
  [
    'verifyJwt',
    async () => verifyJwt({ secret: 'x'.repeat(32), audiance: 'chat' } as never),
    /^verifyJwt: audiance: .*did you mean audience\?$/,
  ],
  ['startProject', () => startProject({ dri: '.' } as never), /^startProject: dri: .*did you mean dir\?$/],
  [
    'createClient',
    async () => createClient({} as never, { timeoutms: 1 } as never),
    /^createClient: timeoutms: .*did you mean timeoutMs\?$/,
  ],
])('a key that nobody knows is refused: %s', async (_what, start, message) => {
  await expect(start()).rejects.toThrow(message);
});

test('a key that nobody knows is refused where something is published', async () => {
  const [server] = await startPushServers(1);
  const push = server?.push as NonNullable<typeof server>['push'];
  expect(() => push.toRoom('a', 'b', 1, { kep: 'no' } as never)).toThrow(/^toRoom: kep: .*did you mean keep\?$/);
  expect(() => push.toUser('a', 'b', 1, { ttl: 1 } as never)).toThrow(
    /^toUser: ttl: found an unknown key, wanted one of deliver, ttlMs/,
  );
  const client = createClient(openClient(server?.url ?? '', 'websocket', { query: { uid: 'ann' } }));
  expect(() => client.join('a', { form: null } as never)).toThrow(/^join: form: .*did you mean from\?$/);
  const room = client.join('a');
  await room.joined;
  await expect(room.publish('b', 1, { eco: true } as never)).rejects.toThrow(
    /^publish: eco: found an unknown key, wanted one of id, echo/,
  );
  client.close();
});
