import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { registryEnv } from '../../../../test/support/authorities.ts';
import { isLong } from '../../../../test/support/long.ts';
import { listTarballs, packTarballs } from '../../../../test/support/packed-tarballs.ts';

const run = promisify(execFile);

/** What users do with the published packages, done with tarballs that are made for the tests of a file. */
export interface PackedPackages {
  /** As `npx gopush-create`. In the usual run npx itself does it once; then it is the program that npx would run. */
  npxCreate(cwd: string, ...args: string[]): Promise<string>;
  /** As `npm install`; what it installs is the same for all projects. */
  npmInstall(dir: string): Promise<void>;
}

export function packPackages(): PackedPackages {
  let tarballs: readonly string[];
  /** Where the installed packages are kept. */
  let packed: string;
  /** Whether `packed` has what npm installs. */
  let installed = false;
  beforeAll(async () => {
    packed = await mkdtemp(join(tmpdir(), 'gopush-installed-'));
    tarballs = await listTarballs(await packTarballs(afterAll));
  }, 120_000);
  afterAll(() => rm(packed, { recursive: true, force: true }));
  return {
    async npxCreate(cwd, ...args) {
      if (installed && !isLong) {
        const program = join(packed, 'node_modules/gopush-create/dist/bin/gopush-create.js');
        return (await run(process.execPath, [program, ...args], { cwd })).stdout;
      }
      // It depends on no other package (docs/decisions/0052-gopush-create-without-dependencies.md).
      const [tarball = ''] = tarballs.filter((path) => basename(path).startsWith('gopush-create-'));
      const npx = ['--yes', '--prefer-offline', '--package', tarball, 'gopush-create', ...args];
      return (await run('npx', npx, { cwd, env: registryEnv() })).stdout;
    },
    async npmInstall(dir) {
      const [kept, wanted] = [join(packed, 'node_modules'), join(dir, 'node_modules')];
      if (installed) return symlink(kept, wanted);
      const options = ['--no-save', '--prefer-offline', '--no-audit', '--no-fund'];
      await run('npm', ['install', ...options, ...tarballs], { cwd: dir, env: registryEnv() });
      // The first project has it as npm made it, until its test ends.
      onTestFinished(async () => {
        await rename(wanted, kept);
        installed = true;
      });
    },
  };
}
