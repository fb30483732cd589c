/** What is wrong with a package as it would be published. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { build } from 'esbuild';

/** All that a package may have. Templates are whole projects, with their own tests. */
const wanted =
  /^(package\.json|README\.md|LICENSE|dist\/.+\.(js|d\.ts)|dist\/page\/[^/]+|dist\/config\.schema\.json|templates\/.+)$/;

/** Larger than any of them is, so that a file that got in by mistake is noticed. */
const maxBytes = 400_000;

const inTarball = ['name', 'version', 'description', 'license', 'engines'];

/**
 * Reads a tarball.
 *
 * @returns its package.json, its size in bytes, its number of files, and a sentence for each problem
 */
export async function readTarball(file) {
  const folder = mkdtempSync(join(tmpdir(), 'gopush-tarball-'));
  try {
    const { status, stderr } = spawnSync('tar', ['-xzf', file, '-C', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${file}: ${stderr}`);
    return await readPackage(join(folder, 'package'), statSync(file).size);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readPackage(folder, bytes) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = entries.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
  const pkg = names.includes('package.json') ? JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) : {};
  const problems = [
    ...['package.json', 'README.md', 'LICENSE'].filter((name) => !names.includes(name)).map((name) => `has no ${name}`),
    ...names.filter((name) => !wanted.test(name)).map((name) => `has ${name}, which is not for users`),
    ...(bytes > maxBytes ? [`is ${bytes} bytes, wanted ${maxBytes} at most`] : []),
    ...manifestProblems(pkg),
    ...entryProblems(pkg, folder, names),
    ...names.filter((name) => name.startsWith('dist/')).flatMap((name) => mapProblems(folder, name, names)),
    ...(await importProblems(pkg, folder, names)),
  ];
  return { pkg, bytes, files: names.length, problems };
}

function manifestProblems(pkg) {
  const ranges = Object.entries({ ...pkg.dependencies, ...pkg.optionalDependencies, ...pkg.peerDependencies });
  return [
    ...inTarball.filter((key) => !pkg[key]).map((key) => `package.json has no ${key}`),
    ...ranges
      .filter(([, range]) => /^(workspace|catalog|file|link):/.test(range))
      .map(([name, range]) => `depends on ${name} ${range}, which nobody can install`),
  ];
}

/** Files that package.json names. */
function entryProblems({ exports = {}, bin = {} }, folder, names) {
  const commands = (typeof bin === 'string' ? [bin] : Object.values(bin)).map(posix.normalize);
  const exported = Object.values(exports).flatMap((one) => (typeof one === 'string' ? one : Object.values(one)));
  const missing = [...exported.map(posix.normalize), ...commands].filter((path) => !names.includes(path));
  const first = '#!/usr/bin/env node\n';
  return [
    ...missing.map((path) => `package.json names ${path}, which is not there`),
    ...commands
      .filter((path) => names.includes(path) && !readFileSync(join(folder, path), 'utf8').startsWith(first))
      .map((path) => `${path} does not begin with ${first.trim()}`),
  ];
}

/** Debuggers and editors would look for them in vain. */
function mapProblems(folder, name, names) {
  const maps = readFileSync(join(folder, name), 'utf8').matchAll(/^\/\/# sourceMappingURL=(?!data:)(\S+)/gm);
  return [...maps]
    .map(([, map]) => posix.join(posix.dirname(name), map))
    .filter((map) => !names.includes(map))
    .map((map) => `${name} names the map ${map}, which is not there`);
}

/** Files and libraries that only the workspace has would be missing where the package is installed. */
async function importProblems(pkg, folder, names) {
  const code = names.filter((name) => /^dist\/(?!page\/).*\.js$/.test(name));
  const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm', outdir: 'out', write: false };
  const built = await build({
    ...options,
    ...{ absWorkingDir: folder, entryPoints: code, metafile: true, logLevel: 'silent' },
  }).catch((error) => error);
  if (built.metafile === undefined) return built.errors.map(({ location, text }) => `${location?.file}: ${text}`);
  const installed = { ...pkg.dependencies, ...pkg.optionalDependencies, ...pkg.peerDependencies, [pkg.name]: '' };
  const imports = Object.values(built.metafile.inputs).flatMap((input) => input.imports);
  const libraries = imports.filter(({ external, path }) => external && !path.startsWith('node:'));
  return [...new Set(libraries.map(({ path }) => path.match(/^(@[^/]+\/)?[^/]+/)[0]))]
    .filter((name) => installed[name] === undefined)
    .map((name) => `imports ${name}, on which package.json does not depend`);
}
