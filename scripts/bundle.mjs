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
    plugins: name === 'client' ? [] : [requireLibraries(join(folder, 'src'))],
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

/** Libraries that are ES modules only. */
const onlyImported = new Set(['jose']);

/**
 * Has libraries required instead of imported: Node 20 reads each imported file asynchronously, and searches CommonJS for its exports, which
 * takes more processor time (docs/decisions/0050-one-file-for-each-entry-point.md). `client` is for browsers, which import. Files may be loaded
 * on demand: for `lstatSync`, see `followLinks` in packages/service/src/require-on-demand.ts.
 */
function requireLibraries(src) {
  return {
    name: 'require-libraries',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^.]/ }, ({ path, kind, namespace }) => {
        const isOurs = /^(node:|@gopush\/|gopush-create)/.test(path);
        if (kind !== 'import-statement' || namespace !== 'file' || isOurs || onlyImported.has(path)) return;
        return { path, namespace: 'library' };
      });
      onLoad({ filter: /.*/, namespace: 'library' }, ({ path }) => ({
        contents: `import { lstatSync } from 'node:fs';
          import { createRequire } from 'node:module';
          lstatSync('/');
          const library = createRequire(import.meta.url)('${path}');
          export default library;
          export const { ${importedNames(src, path)} } = library;`,
      }));
    },
  };
}

/** What code of a package imports from a library by name, types apart. */
function importedNames(src, library) {
  const imports = new RegExp(`^import \\{([^}]*)\\} from '${library}';$`, 'gm');
  const names = sourcesOf(src).flatMap((text) => [...text.matchAll(imports)].flatMap(([, list]) => list.split(',')));
  const plain = names.map((name) => name.trim().replace(/ as .*/, '')).filter((name) => /^\w+$/.test(name));
  return [...new Set(plain)].join(', ');
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
  return sourcesOf(src).flatMap((text) => [...text.matchAll(ownProgram)].map(([, one]) => one));
}

function sourcesOf(src) {
  const files = readdirSync(src, { recursive: true }).filter((file) => file.endsWith('.ts'));
  return files.map((file) => readFileSync(join(src, file), 'utf8'));
}

/** Processes may be loading the file: they find the old one or the new one. */
function write(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}

/**
 * Bundles before tests, even if something was built already (vitest.config.ts). Each project of Vitest calls this, and only the first call bundles.
 */
export function setup() {
  const done = Symbol.for('gopush.bundled');
  globalThis[done] ??= bundleAll();
  return globalThis[done];
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1])) await bundleAll();
