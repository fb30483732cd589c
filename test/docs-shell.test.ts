import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startProject } from 'gopush/testing';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { createProject } from '../packages/create/src/create-project.ts';
import { linkPackages } from '../packages/create/test/support/linked-packages.ts';
import { freePort, startRedis } from '../packages/store/test/support/redis.ts';
import { bin, makeFolder, makeProject, startProgram } from './support/cli.ts';
import { type CodeBlock, codeBlocks, guides, root } from './support/docs.ts';

afterEach(() => vi.unstubAllEnvs());

const all = guides.flatMap((file) => codeBlocks(file));
const blocks = all.filter(({ language }) => language === 'sh');
const placeOf = ({ file, line }: CodeBlock): string => `${file}:${line}`;

/**
 * Programs in blocks of shell, and what shows that their commands are right. `here`: tests of this file run the block, or check that the script
 * of npm or the file exists. A block that starts servers until Ctrl-C is not run as it stands; the tests that are named run what it starts.
 */
const programs: Readonly<Record<string, string>> = {
  curl: 'here',
  npm: 'here',
  node: 'here: the file exists',
  gopush: 'docs-code.test.ts: command and options exist; packages/cli runs them',
  'gopush-create': 'packages/create',
  'deploy/pm2/deploy.sh': 'test/deploy/pm2.test.ts',
  promtool: 'test/deploy/prometheus.test.ts, where it is installed',
  kubectl: 'nothing: it needs a cluster. The manifests are checked by test/deploy/kubernetes.test.ts',
  helm: 'nothing: it needs a cluster',
  docker: 'nothing: it needs its daemon. The files are checked by test/deploy/docker.test.ts',
  systemctl: 'nothing: it needs systemd. The units are checked by test/deploy/systemd.test.ts',
  next: 'nothing: Next.js is not installed',
  'redis-server': 'starts what the tests of the examples start',
  ...Object.fromEntries(['cd', 'export', 'cp', 'kill', 'eval', 'source', 'git'].map((name) => [name, 'the shell'])),
};

/** The commands of a block, each as its words: without variables in front, comments, and what quotes and `$( )` hold. */
function commandsOf(code: string): string[][] {
  return code
    .replaceAll('\\\n', ' ')
    .replaceAll(/'[^']*'|"[^"]*"/g, 'quoted')
    .replaceAll(/\$\([^)]*\)/g, 'substituted')
    .replaceAll(/(^|\s)#.*$/gm, '')
    .split(/&&|[|&;\n]/)
    .map((command) =>
      command
        .trim()
        .replace(/^(?:[A-Z_]+=\S*(?:\s+|$))+/, '')
        .replace(/^npx (?:--yes )?/, '')
        .replace(/^node_modules\/\.bin\//, '')
        .split(/\s+/)
        .filter((word) => word !== ''),
    )
    .filter((words) => words.length > 0);
}

test('blocks with commands say that they are shell, so that they are checked', () => {
  const untold = all.filter(
    ({ language, code }) => language === '' && /^\s*(?:\$ )?(?:npm|npx|node|curl|export|cd|gopush) /.test(code),
  );
  expect(untold.map(placeOf)).toEqual([]);
  expect(blocks.length).toBeGreaterThan(40);
});

test('a shell can read every block, zsh as well', async () => {
  const folder = await makeFolder();
  const scripts = blocks.map((block) => ({ name: placeOf(block).replaceAll('/', ' '), code: block.code }));
  for (const { name, code } of scripts) await writeFile(join(folder, name), code);
  // From a shell, which is small: this process takes longer to start each of them.
  const each = 'for name in "$@"; do "$BASH" -n "$name"; done';
  const names = scripts.map(({ name }) => name);
  const { stderr } = spawnSync('bash', ['-c', each, 'bash', ...names], { cwd: folder, encoding: 'utf8' });
  expect(stderr).toBe('');
  // Outside of quotes `?` and `[` are patterns, for which zsh wants a file.
  const patterns = blocks.flatMap((block) =>
    commandsOf(block.code)
      .flat()
      .filter((word) => /[?[]/.test(word))
      .map((word) => `${placeOf(block)}: ${word}`),
  );
  expect(patterns).toEqual([]);
});

test('programs of shell blocks are known, with what checks them', () => {
  const unknown = blocks.flatMap((block) =>
    commandsOf(block.code)
      .filter(([program = '']) => !(program in programs))
      .map(([program]) => `${placeOf(block)}: ${program}`),
  );
  expect(unknown).toEqual([]);
});

test('scripts that npm runs exist', () => {
  const missing = blocks.flatMap((block) => {
    const files = ['package.json', join(dirname(block.file), 'package.json')].filter((file) =>
      existsSync(join(root, file)),
    );
    const known = files.flatMap((file) =>
      Object.keys(JSON.parse(readFileSync(join(root, file), 'utf8')).scripts ?? {}),
    );
    return commandsOf(block.code)
      .filter(([program, command = '']) => program === 'npm' && ['start', 'test', 'run'].includes(command))
      .map(([, command = '', script = '']) => (command === 'run' ? script : command))
      .filter((script) => !known.includes(script))
      .map((script) => `${placeOf(block)}: ${script}`);
  });
  expect(missing).toEqual([]);
});

/** Runs blocks as they stand, but for ports; resolves with what they write. A command that fails, or an HTTP error, fails the test. */
async function runBlocks(run: readonly CodeBlock[], ports: Readonly<Record<number, number>>, cwd: string, env = {}) {
  // What never ends by itself, such as a listener, is ended: curl exits with 28 then.
  const curl = `curl() { command curl --silent --fail-with-body --max-time 2 "$@" || [ $? = 28 ]; }`;
  const gopush = `gopush() { '${process.execPath}' '${bin}' "$@"; }`;
  const code = run.map((block) => `echo "# ${placeOf(block)}"\n${block.code}\nwait\n`).join('');
  const moved = Object.entries(ports).reduce(
    (text, [from, to]) => text.replaceAll(`localhost:${from}`, `127.0.0.1:${to}`),
    code,
  );
  const script = `set -euo pipefail\n${curl}\n${gopush}\n${moved}`;
  const { code: exit, stdout, stderr } = await startProgram('bash', ['-c', script], { cwd, env }).ended;
  expect([exit, stderr]).toEqual([0, '']);
  return stdout;
}

/** The blocks of a document that have a command of curl or gopush. */
const blocksOf = (file: string, pattern: RegExp): CodeBlock[] => {
  const found = blocks.filter((block) => block.file === file && pattern.test(block.code));
  expect(found.length).toBeGreaterThan(0);
  return found;
};

test('what the docs ask a project, its admin listeners and its API is answered', async () => {
  const key = 'a-key-of-at-least-24-characters';
  const [agentAdmin, serverAdmin] = [await freePort(2), await freePort(2)];
  const project = await makeProject({
    serverWorkers: 1,
    admin: { agentPort: agentAdmin, serverPort: serverAdmin },
    api: { keys: [{ name: 'docs', key, scopes: ['publish', 'read'] }] },
  });
  // It wants the ports to be free.
  const [before] = blocksOf('docs/troubleshooting.md', /gopush check/) as [CodeBlock];
  // `route` needs a key of operators, with which the other actions would need one as well.
  const [check = '', status = ''] = before.code.split('\n');
  await runBlocks([{ ...before, code: check }], {}, project.dir);
  const running = startProgram(process.execPath, [bin, 'start'], { cwd: project.dir });
  await running.until(/gopush is ready/);
  const ports = { 6003: project.port, 9600: agentAdmin, 9700: serverAdmin };
  const output = await runBlocks(
    [
      ...blocksOf('templates/project/README.md', /curl/),
      ...blocksOf('docs/operations.md', /curl/),
      ...blocksOf('docs/api.md', /gopush/),
      ...blocksOf('docs/guides/push.md', /gopush/),
      ...blocksOf('docs/guides/rooms.md', /gopush/),
      { ...before, code: status },
      ...blocksOf('docs/troubleshooting.md', /Sec-WebSocket-Key/),
    ],
    ports,
    project.dir,
  );
  for (const said of ['gopush_server_clients', '"position":', 'push-server', 'HTTP/1.1 101']) {
    expect(output).toContain(said);
  }
});

test('what README.md runs in production starts a new project, which refuses everybody without a cookie', async () => {
  const folder = await makeFolder();
  await linkPackages(folder);
  const dir = join(folder, 'my-app');
  await createProject({ dir, template: 'minimal', typescript: false, force: false });
  const [block] = blocks.filter(({ file, code }) => file === 'README.md' && code.includes('SESSION_SECRET'));
  const { port: redis } = await startRedis();
  const [agent, server, admin] = [await freePort(), await freePort(2), await freePort(4)];
  const env = {
    REDIS_URL: `redis://127.0.0.1:${redis}`,
    GOPUSH_AGENT_PORT: String(agent),
    GOPUSH_SERVER_PORT_START: String(server),
    GOPUSH_ADMIN_AGENT_PORT: String(admin),
    GOPUSH_ADMIN_SERVER_PORT: String(admin + 2),
    GOPUSH_AGENT_WORKERS: '1',
    GOPUSH_SERVER_WORKERS: '2',
  };
  const npx = `npx() { [ "$1" = gopush ]; shift; '${process.execPath}' '${bin}' "$@"; }`;
  const script = `set -euo pipefail\n${npx}\n${block?.code}`;
  const running = startProgram('bash', ['-c', script], { cwd: dir, env, ownGroup: true });
  onTestFinished(async () => {
    running.signal('SIGTERM');
    await running.ended;
  });
  await running.until(/gopush is ready/);
  // On a busy machine the agent may be overloaded in its first second.
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${agent}/`);
    return [response.status, (await response.json()).error.code];
  };
  await expect.poll(ask, { timeout: 10_000, interval: 500 }).toEqual([430, 'uid_missing']);
});

test('what the READMEs of chat and notify ask with curl is answered', async () => {
  const cwd = await makeFolder();
  vi.stubEnv('CHAT_DIR', join(cwd, 'chat'));
  vi.stubEnv('REDIS_URL', '');
  const chat = await startProject({ dir: join(root, 'examples/chat') });
  onTestFinished(() => chat.close());
  const inChat = await runBlocks(blocksOf('examples/chat/README.md', /curl/), { 6003: portOf(chat.url) }, cwd);
  expect(inChat).toContain('"channels":[{"name":"general","by":"ann","joined":true}]');

  const notify = await startProject({ dir: join(root, 'examples/notify') });
  onTestFinished(() => notify.close());
  // A listener in the background may start too late for a message that is sent right after.
  const inNotify = () => runBlocks(blocksOf('examples/notify/README.md', /curl/), { 6003: portOf(notify.url) }, cwd);
  await expect.poll(inNotify, { timeout: 30_000 }).toMatch(/data: .*"text":"hello"/);
});

const portOf = (url: string): number => Number(new URL(url).port);

test('what the README of the template notify asks with curl is answered', async () => {
  const folder = await makeFolder();
  await linkPackages(folder);
  const dir = join(folder, 'notify');
  await createProject({ dir, template: 'notify', typescript: false, force: false });
  const project = await startProject({ dir });
  onTestFinished(() => project.close());
  const secrets = await readFile(join(dir, 'config/secrets.local.json'), 'utf8');
  const [publish, listen] = blocksOf('templates/notify/README.md', /curl/) as [CodeBlock, CodeBlock];
  const both = { ...listen, code: `${listen.code.trimEnd()} &\nsleep 0.5\n${publish.code}` };
  const heard = await runBlocks([both], { 6003: portOf(project.url) }, folder, {
    KEY: /"key": "([^"]+)"/.exec(secrets)?.[1],
  });
  expect(heard).toMatch(/data: .*hello/);
});
