/** Packs every package into a folder, as it would be published: `node scripts/pack.mjs <folder>`. */
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { plainEnv, root } from './bootstrap.mjs';

const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Packs all public packages into `folder`, which is empty or does not exist: it appears when they are whole. */
export function packAll(folder) {
  const unfinished = `${folder}.part`;
  const args = [
    '--yes',
    packageManager,
    '--recursive',
    '--filter',
    './packages/*',
    'pack',
    '--pack-destination',
    unfinished,
  ];
  const { status, stdout, stderr } = spawnSync('npx', args, { cwd: root, env: plainEnv, encoding: 'utf8' });
  if (status !== 0) throw new Error(`packing failed: ${stdout}${stderr}`);
  renameSync(unfinished, folder);
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1]))
  packAll(resolve(process.argv[2] ?? '.'));
