import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Adds lines to the `.gitignore` of a folder. Its other lines stay, even with `--force`: they may keep secrets out of
 * git.
 *
 * @returns its path; `undefined` if it has these lines already
 */
export async function ignoreInGit(folder: string, lines: readonly string[]): Promise<string | undefined> {
  const path = join(folder, '.gitignore');
  await mkdir(folder, { recursive: true });
  const before = await readFile(path, 'utf8').catch(() => '');
  const there = new Set(before.split(/\r?\n/));
  const missing = lines.filter((line) => !there.has(line));
  if (missing.length === 0) return undefined;
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  await writeFile(path, `${before}${separator}${missing.join('\n')}\n`);
  return path;
}
