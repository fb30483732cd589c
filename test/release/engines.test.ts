import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const workspace = join(import.meta.dirname, '../..');

/** What is read of the lockfile of pnpm. */
interface Lockfile {
  readonly importers: Readonly<Record<string, Libraries<{ readonly version: string }>>>;
  readonly snapshots: Readonly<Record<string, Libraries<string>>>;
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>;
}

interface Libraries<T> {
  readonly dependencies?: Readonly<Record<string, T>>;
  readonly optionalDependencies?: Readonly<Record<string, T>>;
}

/** All libraries that are installed with the published packages, as `name@version`. */
function installedLibraries({ importers, snapshots }: Lockfile): Set<string> {
  const found = new Set<string>();
  const add = (name: string, version: string): void => {
    const key = version.includes('@', 1) ? version : `${name}@${version}`;
    if (version.startsWith('link:') || found.has(key)) return;
    found.add(key);
    const { dependencies, optionalDependencies } = snapshots[key] ?? {};
    for (const [one, range] of Object.entries({ ...dependencies, ...optionalDependencies })) add(one, range);
  };
  for (const [folder, { dependencies, optionalDependencies }] of Object.entries(importers)) {
    if (!folder.startsWith('packages/')) continue;
    for (const [name, { version }] of Object.entries({ ...dependencies, ...optionalDependencies })) add(name, version);
  }
  return found;
}

// Yarn 1 installs nothing if one library says that it needs a newer Node; other package managers install what may not work.
test('all libraries that are installed with gopush run on the oldest Node that it names', async () => {
  const manifests = await Promise.all(
    (await readdir(join(workspace, 'packages'))).map(async (name) =>
      JSON.parse(await readFile(join(workspace, 'packages', name, 'package.json'), 'utf8')),
    ),
  );
  const ranges = new Set(manifests.map(({ engines }) => engines.node));
  expect(ranges.size).toBe(1);
  const oldest = `${String([...ranges][0]).replace('>=', '')}.0`;
  const lockfile: Lockfile = parse(await readFile(join(workspace, 'pnpm-lock.yaml'), 'utf8'));
  const libraries = installedLibraries(lockfile);
  expect(libraries.size).toBeGreaterThan(100);
  const wrong = [...libraries].flatMap((key) => {
    const range = lockfile.packages[key.replace(/\(.*/, '')]?.engines?.node;
    return range === undefined || satisfies(oldest, range) ? [] : [`${key} needs Node ${range}`];
  });
  expect(wrong).toEqual([]);
});
