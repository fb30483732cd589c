import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder, startProgram } from '../support/cli.ts';
import { packTarballs } from '../support/packed-tarballs.ts';

const workspace = join(import.meta.dirname, '../..');
const release = join(workspace, 'scripts/release.mjs');
const { version } = JSON.parse(await readFile(join(workspace, 'packages/cli/package.json'), 'utf8'));

let packed: string;
beforeAll(async () => {
  packed = await packTarballs(afterAll);
}, 120_000);

/** Writes files into a new folder. */
async function write(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await makeFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function check(root: string, folder: string) {
  return startProgram(process.execPath, [release, 'check', folder, '--root', root, '--dry-run']).ended;
}

test('packages as they would be published have what users need, and nothing else', async () => {
  const root = await write({ 'CHANGELOG.md': `# Changelog\n\n## ${version} (2026-01-01)\n\nAll.\n` });
  await symlink(join(workspace, 'packages'), join(root, 'packages'));
  const { code, stdout, stderr } = await check(root, packed);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^gopush-create \S+: \d+ kB, \d+ files$/m);
});

const manifest = {
  ...{ name: 'gopush', version: '1.0.0', description: 'A part.', license: 'MIT', engines: { node: '>=20' } },
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  bin: { gopush: './dist/bin.js' },
};
const whole = {
  'package.json': JSON.stringify(manifest),
  'README.md': '',
  LICENSE: '',
  'dist/index.js': `import 'node:fs';\nexport * from './part.js';\n`,
  'dist/part.js': 'export const a = 1;\n',
  'dist/bin.js': '#!/usr/bin/env node\n',
  'dist/index.d.ts': '',
};

test.each([
  ['nothing wrong', {}, undefined],
  ['a test', { 'dist/part.test.ts': '' }, /gopush has dist\/part\.test\.ts, which is not for users/],
  ['a source', { 'src/index.ts': '' }, /gopush has src\/index\.ts, which is not for users/],
  ['a secret', { '.env': '' }, /gopush has \.env, which is not for users/],
  [
    'a map that was left out',
    { 'dist/index.d.ts': 'export {};\n//# sourceMappingURL=index.d.ts.map' },
    /dist\/index\.d\.ts names the map dist\/index\.d\.ts\.map, which is not there/,
  ],
  ['no README', { 'README.md': undefined }, /gopush has no README\.md/],
  ['no LICENSE', { LICENSE: undefined }, /gopush has no LICENSE/],
  ['no types', { 'dist/index.d.ts': undefined }, /package\.json names dist\/index\.d\.ts, which is not there/],
  ['a part that was left out', { 'dist/part.js': undefined }, /dist\/index\.js: Could not resolve "\.\/part\.js"/],
  [
    'a program without its first line',
    { 'dist/bin.js': '1;\n' },
    /dist\/bin\.js does not begin with #!\/usr\/bin\/env/,
  ],
  [
    'a library that only the workspace has',
    { 'dist/part.js': `export { build } from 'esbuild';` },
    /gopush imports esbuild, on which package\.json does not depend/,
  ],
  [
    'a range that nobody can install',
    { 'package.json': JSON.stringify({ ...manifest, dependencies: { ws: 'catalog:' } }) },
    /gopush depends on ws catalog:, which nobody can install/,
  ],
  [
    'another version',
    { 'package.json': JSON.stringify({ ...manifest, version: '1.0.1' }) },
    /gopush is 1\.0\.1, wanted 1\.0\.0/,
  ],
  ['megabytes', { 'dist/part.js': `//${randomText(600_000)}` }, /gopush is \d+ bytes, wanted 400000 at most/],
])('a package with %s: it is said what users would miss, or get in vain', async (_what, change, problem) => {
  const files = Object.entries({ ...whole, ...change }).filter(([, text]) => text !== undefined) as [string, string][];
  const folder = await write(Object.fromEntries(files.map(([name, text]) => [`package/${name}`, text])));
  const root = await write({
    'packages/cli/package.json': JSON.stringify(manifest),
    'CHANGELOG.md': '# Changelog\n\n## 1.0.0 (2026-01-01)\n\nAll.\n',
  });
  await mkdir(join(root, 'packed'));
  await promisify(execFile)('tar', ['-czf', join(root, 'packed/gopush-1.0.0.tgz'), '-C', folder, 'package']);
  const { code, stderr } = await check(root, join(root, 'packed'));
  if (problem === undefined) expect([code, stderr]).toEqual([0, '']);
  else expect([code, stderr]).toEqual([1, expect.stringMatching(problem)]);
});

test('a package that was not packed, and a version that the changelog does not have, are said', async () => {
  const root = await write({
    'packages/cli/package.json': JSON.stringify(manifest),
    'CHANGELOG.md': '# Changelog\n\n## Unreleased (1.0.0)\n\nAll.\n',
  });
  await mkdir(join(root, 'packed'));
  const { code, stderr } = await check(root, join(root, 'packed'));
  expect([code, stderr]).toEqual([1, 'release: gopush is not packed\nCHANGELOG.md has nothing about 1.0.0\n']);
});

/** Text that does not get smaller in a tarball. */
function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  return Buffer.concat(Array.from({ length: Math.ceil(length / 60_000) }, () => crypto.getRandomValues(bytes.slice())))
    .toString('base64')
    .slice(0, length);
}
