/** What `npm start` and `npm test` need before they can begin: the pinned pnpm, the libraries, and a build. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The workspace's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const { engines, packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Says what is being done. */
export function say(text) {
  process.stdout.write(`gopush: ${text}\n`);
}

/** Ends with a sentence about what is missing. */
export function giveUp(text) {
  process.stderr.write(`gopush: ${text}\n`);
  process.exit(1);
}

/** The environment without what npm tells its own scripts, which an inner pnpm would take for its settings. */
export const plainEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle|command)_?/i.test(name)),
);

/** Runs a command of the workspace with its output shown; `false` if it failed. */
export function run(command, args, env = plainEnv) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env }).status === 0;
}

/** Installs when the lockfile is another than last time, then builds. */
export function bootstrap() {
  checkNode();
  install();
  say('building');
  if (!run(process.execPath, ['node_modules/typescript/bin/tsc', '-b'])) giveUp('the build failed');
  for (const script of ['scripts/bundle.mjs', 'scripts/write-config-schema.mjs', 'packages/dashboard/build.mjs']) {
    if (!run(process.execPath, [script])) giveUp('the build failed');
  }
}

/** `^20.19.0 || >=22.12.0`: without a library, as none is installed yet. */
function checkNode() {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(process.version).map(Number);
  const isEnough = engines.node.split('||').some((range) => {
    const [, wantedMajor, wantedMinor] = /(\d+)\.(\d+)/.exec(range).map(Number);
    const isLater = major > wantedMajor && range.includes('>=');
    return isLater || (major === wantedMajor && minor >= wantedMinor);
  });
  if (!isEnough) giveUp(`Node ${engines.node} is needed, this is ${process.version}`);
}

function install() {
  const marker = `${root}node_modules/.cache/installed`;
  const inputs = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'].map((name) => readFileSync(root + name));
  const wanted = createHash('sha256').update(Buffer.concat(inputs)).update(process.version).digest('hex');
  try {
    if (readFileSync(marker, 'utf8') === wanted) return;
  } catch {
    // Never installed.
  }
  say(`installing libraries with ${packageManager}`);
  if (!run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile']))
    giveUp('the libraries could not be installed');
  mkdirSync(`${root}node_modules/.cache`, { recursive: true });
  writeFileSync(marker, wanted);
}
