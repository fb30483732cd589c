/**
 * Bundles the code of each package: one file for each entry point, and files that several of them share. A process then loads some ten
 * files of gopush instead of some four hundred (docs/decisions/0050-one-file-for-each-entry-point.md). Libraries, and other packages of
 * gopush, stay imports.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** How code names a program of its package that it starts: an entry point that package.json does not name. */
const ownProgram = /new URL\('\.\/([\w-]+)\.js', import\.meta\.url\)/g;

/** What tests and benchmarks look at from outside, as `dist/inner/<name>.js`. It is not published. */
const inner = {
  agent: ['tunnel/frame-walker'],
  'push-server': ['fanout/mesh/mesh', 'stored-session/session-record'],
};

/** Bundles all packages, and removes what an earlier build left. Files that stay the same are not written. */
export async function bundleAll() {
  await Promise.all(readdirSync(packages).map(bundle));
}

async function bundle(name) {
  const folder = join(packages, name);
  const outdir = join(folder, 'dist');
  const { outputFiles } = await build({
    entryPoints: entryPointsOf(name, folder),
    absWorkingDir: folder,
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Beside the entry points: code finds files of its package by their place.
    chunkNames: '[name]-[hash]',
    charset: 'utf8',
    write: false,
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) write(path, contents);
  const made = new Set(outputFiles.map(({ path }) => relative(outdir, path)));
  for (const file of readdirSync(outdir, { recursive: true })) {
    if (file.startsWith('page/')) continue;
    const isOld = file.endsWith('.d.ts')
      ? !existsSync(join(folder, 'src', file.replace(/\.d\.ts$/, '.ts')))
      : !made.has(file);
    if (isOld && /\.(js|d\.ts)(\.map)?$/.test(file)) rmSync(join(outdir, file));
  }
}

/** Where a package has its entry points: `{ 'bin/gopush': 'src/bin/gopush.ts' }`. */
function entryPointsOf(name, folder) {
  const { exports = {}, bin = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const targets = [
    ...Object.values(exports).map((one) => one.default ?? one),
    ...(typeof bin === 'string' ? [bin] : Object.values(bin)),
  ];
  const names = targets.flatMap((target) => /^\.\/dist\/(.*)\.js$/.exec(target)?.[1] ?? []);
  return Object.fromEntries([
    ...[...names, ...programsOf(join(folder, 'src'))].map((one) => [one, `src/${one}.ts`]),
    ...(inner[name] ?? []).map((one) => [`inner/${one.replace(/.*\//, '')}`, `src/${one}.ts`]),
  ]);
}

function programsOf(src) {
  const files = readdirSync(src, { recursive: true }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => [...readFileSync(join(src, file), 'utf8').matchAll(ownProgram)].map(([, one]) => one));
}

/** Processes may be loading the file: they find the old one or the new one. */
function write(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}

/** Before tests, whatever was built last (vitest.config.ts). Each project of Vitest asks for it: it is done once. */
export function setup() {
  const done = Symbol.for('gopush.bundled');
  globalThis[done] ??= bundleAll();
  return globalThis[done];
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1])) await bundleAll();
