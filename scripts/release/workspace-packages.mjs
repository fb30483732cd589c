/** The packages that are published. All have the same version. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns packages with `path` of their package.json, `folder` in the workspace, and `pkg`, what is in it */
export function readPackages(root) {
  return readdirSync(join(root, 'packages'))
    .map((name) => ({ folder: `packages/${name}`, path: join(root, 'packages', name, 'package.json') }))
    .filter(({ path }) => existsSync(path))
    .map((one) => ({ ...one, pkg: JSON.parse(readFileSync(one.path, 'utf8')) }));
}

/** The version of all packages. @throws Error if they have several */
export function commonVersion(packages) {
  const versions = new Set(packages.map(({ pkg }) => pkg.version));
  if (versions.size !== 1) throw new Error(`packages have several versions: ${[...versions].join(', ')}`);
  return [...versions][0];
}

/** Writes fields into each package.json. @param change - returns the fields of a package */
export function writePackages(packages, change) {
  for (const one of packages)
    writeFileSync(one.path, `${JSON.stringify({ ...one.pkg, ...change(one) }, undefined, 2)}\n`);
}
