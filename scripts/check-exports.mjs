/** Packs every package and checks what users would install: entry points, types, files, imports, and ranges of dependencies. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packAll } from './pack.mjs';
import { readTarball } from './release/check-tarball.mjs';

// Set by `npm test`, whose tests install the same packages.
const { PACKED_PACKAGES: given } = process.env;
const folder = given ?? mkdtempSync(join(tmpdir(), 'gopush-pack-'));
let failed = false;
try {
  packAll(folder);
  for (const file of readdirSync(folder)) {
    const tarball = readFileSync(join(folder, file));
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
    for (const message of messages) {
      failed = true;
      process.stderr.write(`${pkg.name}: ${formatMessage(message, pkg)}\n`);
    }
    for (const problem of (await readTarball(join(folder, file))).problems) {
      failed = true;
      process.stderr.write(`${pkg.name}: ${problem}\n`);
    }
    // Users get patch releases of libraries without a release of gopush; packages of gopush are released together.
    for (const [name, range] of Object.entries(pkg.dependencies ?? {})) {
      if (range.startsWith('~') || range === pkg.version) continue;
      failed = true;
      process.stderr.write(`${pkg.name}: depends on ${name} ${range}, wanted a range of patch releases (~)\n`);
    }
  }
  for (const tarball of readdirSync(folder)) {
    for (const problem of await problemsOfTypes(join(folder, tarball))) {
      failed = true;
      process.stderr.write(`${tarball}: ${JSON.stringify(problem)}\n`);
    }
  }
} finally {
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** What users would meet who import a packed package with its types, as ES modules, by Node's rules or a bundler's. */
async function problemsOfTypes(tarball) {
  const { problems = [] } = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))), {
    // Entry points that are programs or data have no types.
    excludeEntrypoints: ['worker', 'config.schema.json', 'package.json'],
  });
  return problems.filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs');
}
