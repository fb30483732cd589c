/**
 * Runs the tests of `packages/slim-socket-io` with the newest versions of Socket.IO, Engine.IO and `ws` that its ranges allow, in a temporary
 * folder: `node scripts/test-newest-socket-io.mjs`. Needs the npm registry.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnv, root, say } from './bootstrap.mjs';
import { packAll } from './pack.mjs';

const folder = mkdtempSync(join(tmpdir(), 'gopush-newest-'));
try {
  packAll(folder);
  copyTests();
  install();
  say(`testing with ${describeVersions()}`);
  process.exitCode = run('node_modules/.bin/vitest', ['run']) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Copies the tests to the folders where they are in the workspace, so that their imports resolve. What they say of the README stays. */
function copyTests() {
  for (const path of ['packages/slim-socket-io/src', 'packages/slim-socket-io/test', 'test/support/socket-io.ts']) {
    cpSync(join(root, path), join(folder, path), {
      recursive: true,
      filter: (file) => !file.endsWith('readme.test.ts'),
    });
  }
}

function install() {
  const manifest = JSON.parse(readFileSync(join(root, 'packages/slim-socket-io/package.json'), 'utf8'));
  const catalog = readCatalog();
  const libraries = { ...manifest.dependencies, ...manifest.devDependencies, vitest: 'catalog:' };
  const dependencies = Object.fromEntries(
    Object.entries(libraries).map(([name, range]) => [name, range === 'catalog:' ? catalog[name] : tarballOf(name)]),
  );
  const text = JSON.stringify({ private: true, type: 'module', dependencies });
  writeFileSync(join(folder, 'package.json'), text);
  if (!run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock']))
    throw new Error('the libraries cannot be installed');
}

/** The ranges of the workspace's catalog, one library a line. */
function readCatalog() {
  const text = readFileSync(`${root}pnpm-workspace.yaml`, 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/^ {2}"?([^":\s]+)"?: ([~^]?\d\S*)$/gm)].map(([, name, range]) => [name, range]),
  );
}

/** Packages of gopush come from the workspace. */
function tarballOf(name) {
  const start = `${name.replace('@', '').replace('/', '-')}-`;
  return `file:${readdirSync(folder).find((file) => file.startsWith(start) && file.endsWith('.tgz'))}`;
}

function describeVersions() {
  const names = ['socket.io', 'socket.io-adapter', 'engine.io', 'ws'];
  const { stdout } = spawnSync('npm', ['ls', '--all', '--json', ...names], {
    cwd: folder,
    env: plainEnv,
    encoding: 'utf8',
  });
  const found = new Map();
  const collect = ({ dependencies = {} }) => {
    for (const [name, one] of Object.entries(dependencies)) {
      if (names.includes(name) && one.version !== undefined) found.set(`${name} ${one.version}`, true);
      collect(one);
    }
  };
  collect(JSON.parse(stdout));
  return [...found.keys()].sort().join(', ');
}

function run(command, args) {
  return spawnSync(command, args, { cwd: folder, env: plainEnv, stdio: 'inherit' }).status === 0;
}
