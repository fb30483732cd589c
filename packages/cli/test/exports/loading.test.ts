import { expect, test } from 'vitest';
import { startProgram } from '../../../../test/support/cli.ts';

/** Resolves when a program has imported a file of a package, and nothing that matches. */
async function importWithout(file: string, refused: RegExp, args: readonly string[]): Promise<string> {
  const loader = `export function load(url, context, next) {
    if (${refused}.test(url)) throw new Error('loads ' + url);
    return next(url, context);
  }`;
  // What is imported comes by the loader; what is required is in the cache of `require` afterwards.
  const program = `import { createRequire, register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(loader)}`)});
    process.once('exit', () => {
      const required = Object.keys(createRequire(import.meta.url).cache).find((path) => ${refused}.test(path));
      if (required === undefined) return;
      console.error('loads ' + required);
      process.exitCode = 1;
    });
    await import(${JSON.stringify(new URL(`../../../${file}`, import.meta.url).href)});`;
  const { code, stderr } = await startProgram(process.execPath, ['--input-type=module', '-e', program, ...args]).ended;
  return code === 0 ? 'ended well' : stderr;
}

// Each process of a project pays for what it loads: with time at its start, and with memory.
test.each<[what: string, file: string, refused: RegExp, args?: readonly string[]]>([
  [
    'hooks, which import gopush, load neither tier',
    'cli/dist/index.js',
    /packages\/(agent|push-server)\/dist\/index\.js|\/node_modules\/(socket\.io|express|ioredis|lmdb|esbuild)\//,
  ],
  [
    'an agent loads Express, Redis and the store when it needs them',
    'agent/dist/index.js',
    /\/node_modules\/(socket\.io|express|cookie-parser|ioredis|lmdb|esbuild)\//,
  ],
  [
    'a push-server loads no Express, and its file server, Redis and the store when it needs them',
    'push-server/dist/index.js',
    /\/node_modules\/(express|serve-static|@socket\.io\/(?!component-emitter)[\w-]+|ioredis|lmdb|esbuild)\//,
  ],
  [
    'the check of hooks loads nothing that serves clients',
    'cli/dist/hook-checker.js',
    /packages\/(agent|push-server)\/dist\/index\.js|\/node_modules\/socket\.io\//,
  ],
  [
    'the help of all commands needs no settings',
    'cli/dist/bin/gopush.js',
    /packages\/(agent|cluster|contract|hooks|push-server|service|store)\/dist\/|\/node_modules\/zod\//,
    ['-', '--help'],
  ],
])('%s', async (_what, file, refused, args = []) => {
  expect(await importWithout(file, refused, args)).toBe('ended well');
});
