/** Packs every package and checks what users would install: entry points, types, files, imports, and ranges of dependencies. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from './bootstrap.mjs';
import { packAll } from './pack.mjs';
import { readTarball } from './release/check-tarball.mjs';

// Of `npm test`, whose tests install the same packages.
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
    const attw = ['node_modules/@arethetypeswrong/cli/dist/index.js', join(folder, tarball), '--profile', 'esm-only'];
    // Entry points that are programs or data have no types.
    const untyped = ['--exclude-entrypoints', 'worker', 'config.schema.json', 'package.json'];
    const { status, stdout } = spawnSync(process.execPath, [...attw, ...untyped], { cwd: root, encoding: 'utf8' });
    if (status !== 0) {
      failed = true;
      process.stderr.write(`${tarball}:\n${stdout}\n`);
    }
  }
} finally {
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
