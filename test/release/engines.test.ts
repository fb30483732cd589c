import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { nodeProblem } from '../../packages/create/src/names.ts';

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

/** The oldest version of each line that a range such as `^20.19.0 || >=22.12.0` names. */
const oldestOf = (range: string): string[] => range.match(/\d+\.\d+\.\d+/g) ?? [];

// Yarn 1 installs nothing if one library says that it needs a newer Node; other package managers install what may not work.
test('all libraries that are installed with gopush run on the oldest Node that it names', async () => {
  const manifests = await Promise.all(
    (await readdir(join(workspace, 'packages'))).map(async (name) =>
      JSON.parse(await readFile(join(workspace, 'packages', name, 'package.json'), 'utf8')),
    ),
  );
  const ranges = new Set(manifests.map(({ engines }) => engines.node));
  expect(ranges.size).toBe(1);
  const oldest = oldestOf(String([...ranges][0]));
  const lockfile: Lockfile = parse(await readFile(join(workspace, 'pnpm-lock.yaml'), 'utf8'));
  const libraries = installedLibraries(lockfile);
  expect(libraries.size).toBeGreaterThan(100);
  const wrong = [...libraries].flatMap((key) => {
    const range = lockfile.packages[key.replace(/\(.*/, '')]?.engines?.node;
    return range === undefined || oldest.every((one) => satisfies(one, range)) ? [] : [`${key} needs Node ${range}`];
  });
  expect(wrong).toEqual([]);
});

test('commands say which Node is wanted on the very versions that package.json excludes', async () => {
  const { engines } = JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8'));
  const wanted = String(engines.node);
  const versions = ['16.20.2', '18.20.8', '20.18.3', '20.19.0', '20.20.2', '21.7.3', '22.0.0', '22.11.0', '22.12.0'];
  for (const version of [...versions, '22.22.1', '23.0.0', '24.1.0', '26.0.0'])
    expect([version, nodeProblem(`v${version}`) === undefined]).toEqual([version, satisfies(version, wanted)]);
  expect(nodeProblem('v18.20.8')).toMatch(/^found Node 18\.20\.8, wanted 20\.19 or newer/);
});
