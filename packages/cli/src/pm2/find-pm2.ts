import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';

/** The program of pm2. It is the project's own: which version runs its processes is its choice. */
export function findPm2(dir: string): string {
  for (const from of [resolve(dir, 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('pm2/package.json')), 'bin', 'pm2');
    } catch {
      // Look in the next place.
    }
  }
  throw new CommandError(
    1,
    'pm2 is not installed: add it to the project (npm install pm2, pnpm add pm2, yarn add pm2, bun add pm2)',
  );
}
