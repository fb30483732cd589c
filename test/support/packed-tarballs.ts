import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cleanup } from '../../packages/store/test/support/redis.ts';
import { registryEnv } from './authorities.ts';

const packScript = fileURLToPath(new URL('../../scripts/pack.mjs', import.meta.url));

/**
 * Packs all packages, as they would be published; `npm test` does it once, beside the tests.
 *
 * @returns their folder, which has nothing else in it
 */
export async function packTarballs(cleanup: Cleanup): Promise<string> {
  const { PACKED_PACKAGES: made } = process.env;
  if (made !== undefined) {
    // It appears when all of it is there.
    while (!existsSync(made)) await delay(200);
    return made;
  }
  const parent = await mkdtemp(join(tmpdir(), 'gopush-packed-'));
  cleanup(() => rm(parent, { recursive: true, force: true }));
  await promisify(execFile)(process.execPath, [packScript, join(parent, 'packed')], { env: registryEnv() });
  return join(parent, 'packed');
}

/** The paths of the tarballs in a folder. */
export async function listTarballs(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).map((name) => join(folder, name));
}
