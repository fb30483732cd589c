import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreInGit } from './ignore-in-git.ts';
import { secretsFile } from './names.ts';

/**
 * Creates the file with a new secret of an environment, with which agents sign identities for push-servers. Only its
 * owner can read it, and git does not track it. An existing file is left unchanged, since running processes may use it.
 *
 * @param more - other settings that are secret
 * @returns its path; `undefined` if it was there
 */
export async function addSecret(dir: string, environment: string, more: object = {}): Promise<string | undefined> {
  const folder = join(dir, 'config');
  await ignoreInGit(folder, ['secrets.*.json']);
  const path = join(folder, secretsFile(environment));
  const text = [
    `// Secrets of the environment ${environment}: do not commit this file; it is the same on all machines.`,
    '// GOPUSH_ACCESS_SECRETS can be set instead of this file.',
    JSON.stringify({ access: { secrets: [randomBytes(32).toString('base64url')] }, ...more }, undefined, 2),
  ];
  try {
    await writeFile(path, `${text.join('\n')}\n`, { flag: 'wx', mode: 0o600 });
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}
