/** Removes what was built. */
import { readdirSync, rmSync } from 'node:fs';
import { root } from './bootstrap.mjs';

for (const name of readdirSync(`${root}packages`)) {
  for (const made of ['dist', '.cache', 'templates'])
    rmSync(`${root}packages/${name}/${made}`, { recursive: true, force: true });
}
