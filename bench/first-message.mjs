/**
 * How long it takes from the command that creates a project to the first message on its page, with empty caches: for each package manager
 * and each template.
 * `node bench/first-message.mjs [--pm npm,pnpm] [--template chat] [--ts] [--warm] [--test] [--transcripts folder]`
 *
 * Packages of gopush are those of the workspace, packed, from a registry on loopback; all others come from the registry. `--warm` keeps the
 * caches from one project to the next; `--test` runs the project's own test as well; `--transcripts` keeps what was
 * printed, a file for each project. Package managers that are not on the PATH are left out.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { packAll } from '../scripts/pack.mjs';
import { startRegistry } from './peers/registry.mjs';

/** How each package manager runs a package that is not installed, and its scripts. Yarn before version 2 leaves the former to npx. */
const managers = {
  npm: { create: ['npx', '--yes'], run: ['npm', 'run'] },
  pnpm: { create: ['pnpm', 'dlx'], run: ['pnpm', 'run'] },
  'yarn-classic': {
    program: 'yarn',
    create: ['npx', '--yes'],
    run: ['yarn', 'run'],
    flags: ['--pm', 'yarn'],
    version: '1.',
  },
  yarn: { create: ['yarn', 'dlx'], run: ['yarn', 'run'] },
  bun: { create: ['bunx'], run: ['bun', 'run'] },
};

/** What a person does on the page of a template until there is a message. */
const pages = {
  async minimal(page) {
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.locator('#room', { hasText: 'lobby' }).waitFor();
    await page.fill('#message', 'hello');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#log li', { hasText: 'hello' }).waitFor();
  },
  async chat(page) {
    await page.fill('#name', 'ann');
    await page.fill('#password', 'correct horse');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.locator('#online li', { hasText: 'ann' }).waitFor();
    await page.fill('#text', 'hello');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#messages li', { hasText: 'hello' }).waitFor();
  },
  async proxy(page) {
    await page.locator('#port', { hasText: 'port ' }).waitFor();
    await page.fill('#text', 'hello');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(/heard hello/).waitFor();
  },
  async notify(page, { execute }) {
    for (let n = 0; n < 3; n++) await page.getByText('listening', { exact: true }).nth(n).waitFor();
    await execute('notify', 'hello');
    await page.locator('li', { hasText: 'hello' }).nth(2).waitFor();
  },
};

const { values } = parseArgs({
  options: {
    pm: { type: 'string', default: Object.keys(managers).join() },
    template: { type: 'string', default: Object.keys(pages).join() },
    warm: { type: 'boolean', default: false },
    test: { type: 'boolean', default: false },
    ts: { type: 'boolean', default: false },
    transcripts: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'gopush-first-message-'));
packAll(join(folder, 'packed'));
const transcripts = values.transcripts ?? folder;
mkdirSync(transcripts, { recursive: true });
const registry = await startRegistry(join(folder, 'packed'));
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const manager of values.pm.split(',')) {
    for (const template of values.template.split(',')) await measure(manager, template);
  }
} finally {
  await browser.close();
  registry.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(manager, template) {
  const home = join(folder, `home-${manager}${values.warm ? '' : `-${template}`}`);
  const cwd = join(folder, `${manager}-${template}`);
  mkdirSync(cwd, { recursive: true });
  const env = { ...environment(home), ...(await ownPorts()) };
  const version = versionOf(manager, env);
  if (version === undefined) {
    process.stdout.write(`${manager}: not on the PATH\n`);
    return;
  }
  const { create, run, flags = [] } = managers[manager];
  const project = join(cwd, 'app');
  const log = join(transcripts, `${manager}-${template}${values.ts ? '-ts' : ''}.log`);
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1_000).toFixed(1);
  const language = values.ts ? ['--ts'] : [];
  const times = {};
  try {
    await execute(
      [...create, 'gopush-create', 'app', '--template', template, '--yes', ...language, ...flags],
      cwd,
      env,
      log,
    );
    times.installed = seconds();
    const dev = spawnLogged([...run, 'dev'], project, env, log);
    try {
      await dev.until(/gopush is ready/);
      times.ready = seconds();
      const page = await browser.newPage();
      await page.goto(`http://localhost:${env.GOPUSH_AGENT_PORT}`);
      await pages[template](page, {
        execute: (script, ...args) =>
          execute([...run, script, ...(manager === 'npm' ? ['--'] : []), ...args], project, env, log),
      });
      times.message = seconds();
      await page.close();
    } finally {
      await dev.stop();
    }
    if (values.test) await execute([...run, 'test'], project, env, log);
    const load = loadavg()[0].toFixed(0);
    process.stdout.write(
      `${manager} ${version} ${template}${values.ts ? ' --ts' : ''}: ${JSON.stringify({ ...times, ...sizeOf(project), load })}\n`,
    );
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`${manager} ${version} ${template}: FAILED ${error.message}\n`);
  }
  if (!values.warm) rmSync(home, { recursive: true, force: true });
  rmSync(cwd, { recursive: true, force: true });
}

/** As on a machine where nothing was installed before. */
function environment(home) {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, '.npmrc'), `registry=${registry.url}\n`);
  const plain = Object.entries(process.env).filter(([name]) => !/^(npm_|PNPM_|YARN_|BUN_|XDG_|CI$)/i.test(name));
  return {
    ...Object.fromEntries(plain),
    HOME: home,
    YARN_NPM_REGISTRY_SERVER: registry.url.slice(0, -1),
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
    YARN_ENABLE_TELEMETRY: '0',
  };
}

async function ownPorts() {
  const [agent, first, backend] = [await freePorts(1), await freePorts(2), await freePorts(2)];
  return {
    GOPUSH_AGENT_PORT: String(agent),
    GOPUSH_SERVER_PORT_START: String(first),
    GOPUSH_ADMIN_AGENT_PORT: '0',
    GOPUSH_ADMIN_SERVER_PORT: '0',
    BACKEND_PORTS: `${backend},${backend + 1}`,
  };
}

/** The first of some ports in a row that are free, and that no system gives to a program that asks for any: installing takes a while. */
async function freePorts(count) {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (!free.includes(false)) return first;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** `undefined`: it is not installed, or another version of the same name is. */
function versionOf(manager, env) {
  const { program = manager, version = '' } = managers[manager];
  const { status, stdout } = spawnSync(program, ['--version'], { env, encoding: 'utf8', cwd: folder });
  return status === 0 && stdout.startsWith(version) ? stdout.trim() : undefined;
}

async function execute(command, cwd, env, log) {
  const running = spawnLogged(command, cwd, env, log);
  const code = await running.ended;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${running.output()}`);
}

function spawnLogged([program, ...args], cwd, env, log) {
  appendFileSync(log, `$ ${program} ${args.join(' ')}\n`);
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  const waiting = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      appendFileSync(log, chunk);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, 'close').then(([code]) => code);
  return {
    ended,
    output: () => output,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        waiting.add(() => pattern.test(output) && resolve());
        ended.then(() => reject(new Error(`${program} ended:\n${output}`)), reject);
      }),
    async stop() {
      if (child.exitCode === null) process.kill(-child.pid, 'SIGINT');
      await ended;
    },
  };
}

/** Number of packages that were installed, and their size. */
function sizeOf(project) {
  const modules = join(project, 'node_modules');
  const kilobytes = Number(spawnSync('du', ['-sk', modules], { encoding: 'utf8' }).stdout.split('\t')[0]);
  const files = readdirSync(modules, { recursive: true, withFileTypes: true });
  const packages = files.filter(
    ({ name, parentPath }) => name === 'package.json' && /node_modules\/(@[^/]+\/)?[^/@.][^/]*$/.test(parentPath),
  );
  return { packages: packages.length, megabytes: Math.round(kilobytes / 1024) };
}
