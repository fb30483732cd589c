import { writeFile } from 'node:fs/promises';
import { readTemplate } from './templates.ts';

/** Writes the file by which pm2 runs both tiers. */
export async function writeEcosystem(path: string): Promise<void> {
  await writeFile(path, await readTemplate('project/ecosystem.config.cjs'));
}
