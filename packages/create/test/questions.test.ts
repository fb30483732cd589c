import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
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
