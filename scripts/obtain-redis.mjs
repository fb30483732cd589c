/** The tests want a real redis-server: finds one, or gets it from the system's packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter } from 'node:path';
import { giveUp, root, run, say } from './bootstrap.mjs';

const local = `${root}.cache/redis`;

/** Variables with which a `redis-server` is found by its name. */
export function obtainRedis() {
  if (works(process.env)) return {};
  const isDebian = existsSync('/usr/bin/apt-get');
  if (isDebian && process.getuid?.() === 0) {
    say('installing redis-server from the system packages');
    run('apt-get', ['update', '-qq'], process.env);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], process.env);
    if (works(process.env)) return {};
  } else if (isDebian) {
    const env = unpack();
    if (works({ ...process.env, ...env })) return env;
  } else if (spawnSync('brew', ['--version']).status === 0) {
    say('installing redis with Homebrew');
    run('brew', ['install', 'redis'], process.env);
    if (works(process.env)) return {};
  }
  return giveUp(
    'the tests need redis-server. Install it: apt-get install redis-server, dnf install redis, apk add redis, or brew install redis',
  );
}

function works(env) {
  return spawnSync('redis-server', ['--version'], { env }).status === 0;
}

/** Without root: the packages are unpacked into a folder of ours. */
function unpack() {
  if (!existsSync(`${local}/usr/bin/redis-server`)) {
    say('getting redis-server from the system packages, without root');
    mkdirSync(local, { recursive: true });
    spawnSync('apt-get', ['download', 'redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'], { cwd: local });
    for (const file of readdirSync(local).filter((name) => name.endsWith('.deb'))) {
      spawnSync('dpkg', ['-x', file, '.'], { cwd: local });
    }
  }
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((arch) => `${local}/usr/lib/${arch}`);
  return {
    PATH: [`${local}/usr/bin`, process.env.PATH].join(delimiter),
    LD_LIBRARY_PATH: [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
  };
}
