import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bin, makeFolder, startProgram } from '../../../test/support/cli.ts';

const answer = fileURLToPath(new URL('answer.py', import.meta.url));
const create = fileURLToPath(new URL('../dist/bin/gopush-create.js', import.meta.url));

/** Runs `gopush-create` on a terminal, and types answers when the output matches. */
async function createOnTerminal(cwd: string, args: readonly string[], answers: readonly (readonly [string, string])[]) {
  const env = { CI: '', npm_config_user_agent: 'pnpm/10.0.0 npm/? node/v22.0.0 linux x64' };
  return startProgram('python3', [answer, JSON.stringify(answers), process.execPath, create, ...args], { cwd, env })
    .ended;
}

test('on a terminal it asks for the template and the language, by number or word', async () => {
  const cwd = await makeFolder();
  const { code, stdout } = await createOnTerminal(
    cwd,
    ['app', '--no-install'],
    [
      ['begin with[\\s\\S]*default 1\\] ', 'what?\r'],
      ['default 1\\] ', '4\r'],
      ['language[\\s\\S]*default 1\\] ', 'typescript\r'],
    ],
  );
  expect([code, stdout.replaceAll('\r', '')]).toEqual([
    0,
    expect.stringMatching(/Next:\n {2}cd app\n {2}pnpm install\n {2}pnpm dev/),
  ]);
  expect((await readdir(join(cwd, 'app/hooks'))).sort()).toEqual([
    'agent.ts',
    'onupgrade.ts',
    'router.ts',
    'server.ts',
  ]);
  expect(existsSync(join(cwd, 'app/pnpm-workspace.yaml'))).toBe(true);
});

test('what the options say is not asked', async () => {
  const cwd = await makeFolder();
  const args = ['app', '--template', 'proxy', '--js', '--pm', 'npm', '--no-install'];
  const { code, stdout } = await createOnTerminal(cwd, args, []);
  expect([code, stdout]).toEqual([0, expect.not.stringContaining('default 1')]);
  expect(existsSync(join(cwd, 'app/backend.js'))).toBe(true);
});

test.each([
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
])('%s at a question creates nothing', async (_what, key) => {
  const cwd = await makeFolder();
  const { code, stdout } = await createOnTerminal(cwd, ['app'], [['default 1\\] ', key]]);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/gopush-create: cancelled/)]);
  expect(await readdir(cwd)).toEqual([]);
});

test('without a terminal nothing is asked and nothing installed, though standard input stays open', async () => {
  const cwd = await makeFolder();
  const command = `sleep 60 | '${process.execPath}' '${bin}' create app --template notify`;
  const running = startProgram('bash', ['-c', command], { cwd, ownGroup: true });
  await running.until(/Next:\n {2}cd app\n {2}npm install\n {2}npm run dev/);
  expect(existsSync(join(cwd, 'app/node_modules'))).toBe(false);
  running.signal('SIGKILL');
  await running.ended;
});

test.each([
  [['--template', 'game'], /--template game: wanted one of minimal, chat, proxy, notify\n/],
  [['--pm', 'cargo'], /--pm cargo: wanted one of npm, pnpm, yarn, bun\n/],
  [['--ts', '--js'], /found --ts and --js, wanted one of them\n/],
  [['a', 'b'], /found a b, wanted one folder\n/],
  [['--colour'], /Unknown option '--colour'/],
])('%j is refused, and nothing is created', async (args, message) => {
  const cwd = await makeFolder();
  const { code, stderr } = await startProgram(process.execPath, [create, ...args], { cwd }).ended;
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  expect(await readdir(cwd)).toEqual([]);
});

test('an install that fails is said, with what to do; the project stays', async () => {
  const cwd = await makeFolder();
  const env = { PATH: cwd };
  const { code, stderr } = await startProgram(process.execPath, [create, 'app', '--yes', '--pm', 'bun'], { cwd, env })
    .ended;
  expect([code, stderr]).toEqual([
    1,
    'gopush-create: bun is not installed; the project is complete; install its packages with: bun install\n',
  ]);
  expect(existsSync(join(cwd, 'app/package.json'))).toBe(true);
});

/** Runs `gopush-create` as a script does; resolves with what it writes. */
const createQuietly = (cwd: string, ...args: string[]) =>
  startProgram(process.execPath, [create, ...args], { cwd }).ended;

test('what the system refuses is said in one line, with the path', async () => {
  const cwd = await makeFolder();
  await writeFile(join(cwd, 'taken'), '');
  const { code, stderr } = await createQuietly(cwd, 'taken');
  expect([code, stderr]).toEqual([
    1,
    `gopush-create: ENOTDIR: not a directory, mkdir '${join(cwd, 'taken/config')}'\n`,
  ]);
});

test.each([
  ['my app', "cd 'my app'\n"],
  ["ann's", "cd 'ann'\\''s'\n"],
  ['日本語', 'cd 日本語\n'],
])('what is to be typed next can be typed: in the folder %s', async (name, line) => {
  const cwd = await makeFolder();
  const { stdout } = await createQuietly(cwd, name);
  expect(stdout).toContain(`Next:\n  ${line}`);
  const [command = ''] = stdout.slice(stdout.indexOf('  cd ')).split('\n');
  const { code } = await startProgram('sh', ['-c', `${command} && test -f package.json`], { cwd }).ended;
  expect(code).toBe(0);
});

test('the project is whole if nobody reads the output to its end', async () => {
  const cwd = await makeFolder();
  const command = `'${process.execPath}' '${create}' app | head -n 1; exit \${PIPESTATUS[0]}`;
  const { code, stderr } = await startProgram('bash', ['-c', command], { cwd }).ended;
  expect([code, stderr]).toEqual([0, '']);
});

test.each([
  ['a lockfile of pnpm', { 'pnpm-lock.yaml': '' }, 'pnpm'],
  ['a lockfile of Yarn', { 'yarn.lock': '' }, 'yarn'],
  ['a lockfile of Bun', { 'bun.lock': '' }, 'bun'],
  [
    'another one named in package.json',
    { 'yarn.lock': '', 'package.json': '{ "packageManager": "pnpm@10.1.0" }' },
    'pnpm',
  ],
  ['neither', {}, 'npm'],
])('an existing project with %s is told how to go on with it', async (_what, files, packageManager) => {
  const cwd = await makeFolder();
  await mkdir(join(cwd, 'src'));
  for (const [name, text] of Object.entries({ 'package.json': '{}', ...files })) await writeFile(join(cwd, name), text);
  expect((await createQuietly(cwd)).stdout).toContain(`Next:\n  ${packageManager} install\n`);
});

test('who begins with the proxy is told that npm start does not start the back ends', async () => {
  const cwd = await makeFolder();
  const { stdout } = await createQuietly(cwd, 'app', '--template', 'proxy');
  expect(stdout).toMatch(/npm start {8}# only the gateway: your own back ends have to run\n$/);
});

test.each([
  ['gopush-create', create],
  ['gopush-create', join(dirname(bin), 'gopush-create.js')],
  ['gopush', bin],
])('an old Node is told so by %s, before it trips over what it does not know', async (name, program) => {
  const cwd = await makeFolder();
  await writeFile(join(cwd, 'old.cjs'), "Object.defineProperty(process, 'version', { value: 'v22.11.0' });");
  const { code, stderr } = await startProgram(process.execPath, ['-r', './old.cjs', program, 'app'], { cwd }).ended;
  expect([code, stderr]).toEqual([
    2,
    `${name}: found Node 22.11.0, wanted 20.19 or newer, of Node 22 at least 22.12\n`,
  ]);
  expect(await readdir(cwd)).toEqual(['old.cjs']);
});
