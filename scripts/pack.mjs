/** Packs every package into a folder, as it would be published: `node scripts/pack.mjs <folder>`. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { plainEnv, root } from './bootstrap.mjs';

const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Packs all public packages into `folder`. */
export function packAll(folder) {
  const args = [
    '--yes',
    packageManager,
    '--recursive',
    '--filter',
    './packages/*',
    'pack',
    '--pack-destination',
    folder,
  ];
  const { status, stdout, stderr } = spawnSync('npx', args, { cwd: root, env: plainEnv, encoding: 'utf8' });
  if (status !== 0) throw new Error(`packing failed: ${stdout}${stderr}`);
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1]))
  packAll(resolve(process.argv[2] ?? '.'));
