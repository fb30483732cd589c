/** Releases all packages together, in steps (docs/releasing.md). */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root as workspace } from './bootstrap.mjs';
import { packAll } from './pack.mjs';
import { readTarball } from './release/check-tarball.mjs';
import { nextVersion, promisedVersion, readNotes, sectionOf, withRelease } from './release/notes.mjs';
import { publishAll } from './release/publish.mjs';
import { commonVersion, readPackages, writePackages } from './release/workspace-packages.mjs';

const usage = `Usage: node scripts/release.mjs <step>

  prepare [version]   write the version into all packages, and the notes in changes/ into CHANGELOG.md
  pack <folder>       pack all packages into a new folder, with the repository that GITHUB_REPOSITORY names
  check <folder>      check packed packages: contents, versions, changelog, tag
  publish <folder>    check and publish them; those that are published already are left out
  notes <version>     print what the changelog says about a version

  --dry-run           publish: publish nothing; the tag may be missing
  --no-provenance     publish: do not sign where the packages were built, which works in CI only
  --root <folder>     the workspace (default: that of this script)
`;
const say = (text) => process.stdout.write(`${text}\n`);

const steps = {
  prepare(root, asked) {
    const packages = readPackages(root);
    const notes = readNotes(root);
    const path = join(root, 'CHANGELOG.md');
    const changelog = readFileSync(path, 'utf8');
    const version = asked ?? promisedVersion(changelog) ?? nextVersion(commonVersion(packages), notes);
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      throw new Error(`found version ${version}, wanted 1.2.3 or 1.2.3-rc.1`);
    if (sectionOf(changelog, version) !== undefined) throw new Error(`CHANGELOG.md has ${version} already`);
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(path, withRelease(changelog, { version, date, notes }));
    writePackages(packages, () => ({ version }));
    for (const { file } of notes) rmSync(file);
    say(`prepared ${version}: read the changelog, commit, and push the tag v${version}`);
  },

  pack(root, folder) {
    const { GITHUB_REPOSITORY: repository, GITHUB_SERVER_URL: server = 'https://github.com' } = process.env;
    const packages = readPackages(root);
    const url = `git+${server}/${repository}.git`;
    // The README of gopush is that of the repository: its links are meant from there.
    const place = ({ folder: directory, pkg }) => ({ type: 'git', url, ...(pkg.name !== 'gopush' && { directory }) });
    try {
      if (repository !== undefined) writePackages(packages, (one) => ({ repository: place(one) }));
      packAll(folder);
    } finally {
      if (repository !== undefined) writePackages(packages, () => ({}));
    }
    say(`packed ${packages.length} packages into ${folder}`);
  },

  async check(root, folder, options) {
    await checkAll(root, folder, options);
  },

  async publish(root, folder, options) {
    publishAll(await checkAll(root, folder, options), { ...options, say });
  },

  notes(root, version) {
    const section = sectionOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version);
    if (section === undefined) throw new Error(`CHANGELOG.md has nothing about ${version}`);
    say(section);
  },
};

/** @returns the tarballs of a folder @throws Error with all problems */
async function checkAll(root, folder, { dryRun, provenance }) {
  const packages = readPackages(root);
  const version = commonVersion(packages);
  const files = readdirSync(folder).map((file) => join(folder, file));
  const tarballs = await Promise.all(files.map(async (file) => ({ file, ...(await readTarball(file)) })));
  const names = tarballs.map(({ pkg }) => pkg.name);
  const problems = [
    ...packages.filter(({ pkg }) => !names.includes(pkg.name)).map(({ pkg }) => `${pkg.name} is not packed`),
    ...tarballs.flatMap(({ pkg, problems: own }) => own.map((problem) => `${pkg.name} ${problem}`)),
    ...tarballs
      .filter(({ pkg }) => pkg.version !== version)
      .map(({ pkg }) => `${pkg.name} is ${pkg.version}, wanted ${version}`),
    ...(sectionOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
      ? []
      : [`CHANGELOG.md has nothing about ${version}`]),
    ...(dryRun ? [] : [...tagProblems(root, version), ...(provenance ? unknownRepositories(tarballs) : [])]),
  ];
  for (const { pkg, bytes, files: count } of tarballs)
    say(`${pkg.name} ${pkg.version}: ${Math.ceil(bytes / 1_000)} kB, ${count} files`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return tarballs;
}

/** What is published must be what others find under the tag. */
function tagProblems(root, version) {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
  const tags = git('tag', '--points-at', 'HEAD').split('\n');
  return [
    ...(tags.includes(`v${version}`) ? [] : [`the commit has no tag v${version}`]),
    ...(git('status', '--porcelain') === '' ? [] : ['there are changes that are not committed']),
  ];
}

/** The registry compares it with where the packages were built. */
function unknownRepositories(tarballs) {
  return tarballs
    .filter(({ pkg }) => !pkg.repository)
    .map(({ pkg }) => `${pkg.name} names no repository: pack it with GITHUB_REPOSITORY`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    'dry-run': { type: 'boolean', default: false },
    provenance: { type: 'boolean', default: true },
    root: { type: 'string', default: workspace },
  },
});
const [step, argument] = positionals;
if (!Object.hasOwn(steps, step ?? '') || (argument === undefined && step !== 'prepare')) {
  process.stderr.write(usage);
  process.exit(2);
}
const at = ['pack', 'check', 'publish'].includes(step) ? resolve(argument) : argument;
try {
  await steps[step](resolve(values.root), at, { dryRun: values['dry-run'], provenance: values.provenance });
} catch (error) {
  process.stderr.write(`release: ${error.message}\n`);
  process.exitCode = 1;
}
