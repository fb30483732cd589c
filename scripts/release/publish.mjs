/** Publishes tarballs to the registry that npm is configured with. */
import { spawnSync } from 'node:child_process';

/**
 * Publishes packages, each after those that it depends on, so that at no time one can be installed whose parts are missing. What is there
 * already is left out: after a failure the same command continues.
 *
 * @param tarballs - with `file` and `pkg`, its package.json
 * @param options - `dryRun`: npm only says what it would do; `provenance`: sign where they were built, which works in CI only
 * @throws Error if npm refuses one; those before it are published
 */
export function publishAll(tarballs, { dryRun, provenance, say }) {
  for (const { file, pkg } of dependenciesFirst(tarballs)) {
    const name = `${pkg.name}@${pkg.version}`;
    if (isPublished(name)) {
      say(`${name} is published already`);
      continue;
    }
    const args = ['publish', file, '--access', 'public', '--tag', pkg.version.includes('-') ? 'next' : 'latest'];
    const more = [...(provenance ? ['--provenance'] : []), ...(dryRun ? ['--dry-run'] : [])];
    const { status, stderr } = spawnSync('npm', [...args, ...more], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name} was not published:\n${stderr}`);
    say(dryRun ? `${name} would be published` : `${name} is published`);
  }
}

function isPublished(name) {
  const { status, stdout } = spawnSync('npm', ['view', name, 'version', '--prefer-online'], { encoding: 'utf8' });
  return status === 0 && stdout.trim() !== '';
}

/** @throws Error if packages depend on each other in a circle */
export function dependenciesFirst(tarballs) {
  const byName = new Map(tarballs.map((one) => [one.pkg.name, one]));
  const sorted = new Set();
  const visit = (one, path) => {
    if (path.includes(one)) throw new Error(`${one.pkg.name} depends on itself by way of other packages`);
    for (const name of Object.keys({ ...one.pkg.dependencies, ...one.pkg.optionalDependencies })) {
      const other = byName.get(name);
      if (other !== undefined && !sorted.has(other)) visit(other, [...path, one]);
    }
    sorted.add(one);
  };
  for (const one of tarballs) visit(one, []);
  return [...sorted];
}
