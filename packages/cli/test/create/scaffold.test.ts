import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gopush, makeFolder, startProgram } from '../../../../test/support/cli.ts';
import { isLong } from '../../../../test/support/long.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { freePort } from '../../../store/test/support/redis.ts';

const run = promisify(execFile);
const packScript = fileURLToPath(new URL('../../../../scripts/pack.mjs', import.meta.url));

let tarballs: string[];
let packed: string;

/** Whether `packed` has what npm installs. */
let installed = false;

beforeAll(async () => {
  packed = await mkdtemp(join(tmpdir(), 'gopush-packed-'));
  await run(process.execPath, [packScript, packed]);
  tarballs = (await readdir(packed)).map((name) => join(packed, name));
}, 120_000);
afterAll(() => rm(packed, { recursive: true, force: true }));

/** As `npx gopush-create`, from the tarballs. In the usual run npx itself does it once; then it is the program that npx would run. */
async function npxCreate(cwd: string, ...args: string[]): Promise<string> {
  if (installed && !isLong) {
    const program = join(packed, 'node_modules/gopush-create/dist/index.js');
    return (await run(process.execPath, [program, ...args], { cwd })).stdout;
  }
  const packages = tarballs.flatMap((tarball) => ['--package', tarball]);
  const { stdout } = await run('npx', ['--yes', '--prefer-offline', ...packages, 'gopush-create', ...args], { cwd });
  return stdout;
}

/** As `npm install`, with the tarballs instead of what is published; what it installs is the same for all projects. */
async function npmInstall(dir: string): Promise<void> {
  const [kept, wanted] = [join(packed, 'node_modules'), join(dir, 'node_modules')];
  if (installed) {
    await cp(kept, wanted, { recursive: true, verbatimSymlinks: true });
    return;
  }
  await run('npm', ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], { cwd: dir });
  await cp(wanted, kept, { recursive: true, verbatimSymlinks: true });
  installed = true;
}

async function tryProject(dir: string, script: string): Promise<void> {
  const port = await freePort();
  const env = {
    GOPUSH_AGENT_PORT: String(port),
    GOPUSH_SERVER_PORT_START: String(await freePort(2)),
    GOPUSH_ADMIN_AGENT_PORT: '0',
    GOPUSH_ADMIN_SERVER_PORT: '0',
    // A busy machine is no reason to refuse the clients of a test.
    GOPUSH_LIMITS_EVENT_LOOP_DELAY_MS: '0',
    GOPUSH_PUSH_SERVER_LIMITS_BEGIN_DELAY_MS: '0',
  };
  const running = startProgram('npm', ['run', '--silent', script], { cwd: dir, env, ownGroup: true });
  await running.until(/gopush is ready/);
  const url = `http://127.0.0.1:${port}`;
  const ann = await connectClient(url, 'upgrade', { query: { user: 'ann' } });
  const bob = await connectClient(url, 'websocket', { query: { user: 'bob' } });
  await bob.emitWithAck('room', { room: 'lobby' });
  const heard = nextEvent(bob, 'chat');
  ann.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
  expect(await heard).toMatchObject({ message: 'hello' });
  ann.disconnect();
  bob.disconnect();
  running.signal('SIGINT');
  await running.ended;
}

test.each([
  ['JavaScript', [], 'js'],
  ['TypeScript', ['--typescript'], 'ts'],
])(
  'an empty folder becomes a complete project in %s that runs',
  { timeout: 120_000 },
  async (_name, args, extension) => {
    const cwd = await makeFolder();
    const said = await npxCreate(cwd, 'app', ...args);
    expect(said).toMatch(/Next:\n {2}cd app\n {2}npm install\n {2}npm run dev/);
    const dir = join(cwd, 'app');
    expect((await readdir(join(dir, 'hooks'))).sort()).toEqual(
      ['agent', 'onupgrade', 'router'].flatMap((hook) => [
        `${hook}.local.${extension}`,
        `${hook}.production.${extension}`,
      ]),
    );
    await npmInstall(dir);
    const config = JSON.parse((await readFile(join(dir, 'config/local.json'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
    expect(JSON.parse(await readFile(join(dir, 'config', config.$schema), 'utf8'))).toHaveProperty(
      'properties.agentPort',
    );
    await tryProject(dir, 'start');
  },
);

test('a project made again in another language keeps its hooks, and has no second ones', async () => {
  const cwd = await makeFolder();
  expect((await gopush(['create', 'app'], { cwd })).code).toBe(0);
  const hooks = await readdir(join(cwd, 'app/hooks'));
  const { code, stdout } = await gopush(['create', 'app', '--typescript'], { cwd });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/kept {2}app\/hooks\/agent\.local\.js/)]);
  expect(await readdir(join(cwd, 'app/hooks'))).toEqual(hooks);
});

test.each([
  [{ name: '@acme/shop' }, 'acme-shop'],
  [{}, 'folder'],
])('in the package %j the processes are named %s-…, unlike those of other projects', async (pkg, name) => {
  const dir = join(await makeFolder(), 'folder');
  await mkdir(dir);
  await writeFile(join(dir, 'package.json'), JSON.stringify(pkg));
  expect((await gopush(['create', dir])).code).toBe(0);
  expect(await readFile(join(dir, 'gopush/ecosystem.config.cjs'), 'utf8')).toContain(`name: \`${name}-\${tier}\``);
});

test('an existing CommonJS project gets a gopush folder and scripts, and nothing of it is overwritten', {
  timeout: 120_000,
}, async () => {
  const dir = await makeFolder();
  await writeFile(
    join(dir, 'package.json'),
    '{\n\t"name": "mine",\n\t"scripts": { "gopush": "echo mine", "test": "true" }\n}\n',
  );
  await mkdir(join(dir, 'gopush/hooks'), { recursive: true });
  await writeFile(join(dir, 'gopush/hooks/router.local.mjs'), 'export default { default: "push-server" }; // mine\n');
  const said = await npxCreate(dir);
  expect(said).toMatch(/kept {2}gopush\/hooks\/router\.local\.mjs \(--force overwrites\)/);
  expect(said).toMatch(/kept {2}package\.json: script gopush \(--force overwrites\)/);
  expect(await readFile(join(dir, 'gopush/hooks/router.local.mjs'), 'utf8')).toMatch(/mine/);
  const pkg = await readFile(join(dir, 'package.json'), 'utf8');
  expect(pkg).toMatch(/^\t"name": "mine"/m);
  expect(JSON.parse(pkg).scripts).toMatchObject({
    gopush: 'echo mine',
    test: 'true',
    'gopush:dev': 'gopush --dir gopush dev',
  });
  await npmInstall(dir);
  await tryProject(dir, 'gopush:dev');

  await npxCreate(dir, '--force');
  expect(await readFile(join(dir, 'gopush/hooks/router.local.mjs'), 'utf8')).not.toMatch(/mine/);
  expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')).scripts.gopush).toBe(
    'gopush --dir gopush start',
  );
});
