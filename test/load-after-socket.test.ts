import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// Node's module loader follows no links after a `stat` of a socket: see packages/service/src/require-on-demand.ts.

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** Files of bundles that require libraries when they are loaded. Those of commands need their process. */
async function filesWithLibraries(): Promise<string[]> {
  const folders = (await readdir(packages)).filter((name) => name !== 'cli' && name !== 'create');
  const files = folders.map(async (name) => {
    const names = await readdir(join(packages, name, 'dist'));
    return names.filter((file) => file.endsWith('.js')).map((file) => join(packages, name, 'dist', file));
  });
  const all = (await Promise.all(files)).flat();
  const texts = await Promise.all(all.map((file) => readFile(file, 'utf8')));
  return all.filter((_, index) => texts[index]?.includes('// library:'));
}

test('a process that has looked at a socket loads each file of a bundle with its libraries', async () => {
  const files = await filesWithLibraries();
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => file.includes('/redis-fanout-')).length).toBe(1);
  const program = fileURLToPath(new URL('programs/load-after-socket.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [program, join(tmpdir(), `gopush-test-${process.pid}.socket`), ...files],
    {
      encoding: 'utf8',
    },
  );
  expect([JSON.parse(stdout), stderr]).toEqual([[], '']);
});
