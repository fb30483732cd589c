import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type PackageManager, packageManagers } from './names.ts';
import { entriesOf } from './project-files.ts';
import { readPackage } from './project-package.ts';

/**
 * The package manager that runs this process, as `npx`, `pnpm dlx`, `yarn dlx` and `bunx` do; `npm` if none does.
 *
 * @param userAgent - what all of them set in `npm_config_user_agent`: `pnpm/10.1.0 npm/? node/v22.1.0 linux x64`
 */
export function detectPackageManager(userAgent = process.env.npm_config_user_agent): PackageManager {
  const name = userAgent?.split('/')[0];
  return packageManagers.find((one) => one === name) ?? 'npm';
}

/** The lockfiles of package managers. */
const lockfiles: Readonly<Record<string, PackageManager>> = {
  'package-lock.json': 'npm',
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
};

/** The package manager of a project that exists: the one that its package.json names, or whose lockfile it has; `undefined`: neither. */
export async function packageManagerOf(root: string): Promise<PackageManager | undefined> {
  const named = (await readPackage(join(root, 'package.json')))?.packageManager?.split('@')[0];
  const lockfile = entriesOf(root).find((entry) => Object.hasOwn(lockfiles, entry));
  return packageManagers.find((one) => one === named) ?? (lockfile === undefined ? undefined : lockfiles[lockfile]);
}

/** How a script of a project is run, as people type it. */
export function runCommand(packageManager: PackageManager, script: string): string {
  if (packageManager === 'npm') return script === 'start' || script === 'test' ? `npm ${script}` : `npm run ${script}`;
  return packageManager === 'bun' ? `bun run ${script}` : `${packageManager} ${script}`;
}

/** Packages that have install scripts, and work without them. Newer versions of npm and pnpm want that said. */
const withoutScripts = ['esbuild', 'koffi', 'lmdb', 'msgpackr-extract'];

/** A package.json with what its package manager needs. */
export function packageFor(packageManager: PackageManager, text: string): string {
  if (packageManager !== 'npm') return text;
  const allowScripts = Object.fromEntries(withoutScripts.map((name) => [name, false]));
  return `${JSON.stringify({ ...JSON.parse(text), allowScripts }, undefined, 2)}\n`;
}

/**
 * Files that a package manager needs beside package.json. The Plug'n'Play of newer versions of Yarn has no `node_modules`, in which editors
 * find the schema of the settings.
 */
export function filesFor(packageManager: PackageManager): Readonly<Record<string, string>> {
  const noScripts = withoutScripts.map((name) => `  ${name}: false\n`).join('');
  if (packageManager === 'pnpm') return { 'pnpm-workspace.yaml': `allowBuilds:\n${noScripts}` };
  if (packageManager === 'yarn') return { '.yarnrc.yml': 'nodeLinker: node-modules\n', 'yarn.lock': '' };
  return {};
}

/** Runs a package manager in a folder, with its output shown. @returns its exit code; `undefined`: it is not installed */
export async function runPackageManager(
  packageManager: PackageManager,
  args: readonly string[],
  cwd: string,
): Promise<number | undefined> {
  // On Windows they are scripts, which only a shell runs; none of these arguments is special to it.
  const child = spawn(packageManager, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
  // Ctrl-C reaches the child as well, which ends in its own way; this process waits for it.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    process.off('SIGINT', ignore);
  }
}
