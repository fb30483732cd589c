import { lstatSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { checkHookFiles } from '../src/check-hooks.ts';
import { HookError } from '../src/hook-error.ts';
import { type HookSource, loadHooks } from '../src/load-hooks.ts';
import { watchHooks } from '../src/watch-hooks.ts';

async function makeProject(files: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-hooks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    // At once: on a busy machine a reload could come upon the file between being emptied and being filled.
    await writeFile(join(dir, 'edited'), text);
    await rename(join(dir, 'edited'), join(dir, name));
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { dir, write };
}

/** Hooks that are values, each made into `{ made: exports }`. */
function sourceOf<Name extends string>(dir: string, ...names: Name[]): HookSource<Name, { made: unknown }> {
  return {
    location: { dir, environment: 'local' },
    names,
    make(exports, fileOf) {
      for (const name of names) {
        if (exports[name] === 'bad') throw new HookError(name, fileOf(name), 'found bad, wanted good');
      }
      return { made: exports };
    },
  };
}

/** Watches hooks, and says how each edit went. */
async function watch<Name extends string>(
  source: HookSource<Name, { made: unknown }>,
  onChange?: (next: { made: unknown }) => void,
) {
  const results: string[] = [];
  const waiting = new Set<() => void>();
  const watched = watchHooks(source, await loadHooks(source), {
    log: silentLogger,
    onReload(result) {
      results.push(result);
      for (const look of waiting) look();
    },
    ...(onChange === undefined ? {} : { onChange }),
  });
  onTestFinished(() => watched.close());
  return {
    results,
    made: () => watched.current().made,
    /** Resolves when this many edits were reported. */
    told: (count: number) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (results.length >= count) resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

test('those who follow different hooks of one folder are told of their own edits alone', async () => {
  const { dir, write } = await makeProject({
    'hooks/agent.js': 'module.exports = "a1"',
    'hooks/server.js': 'module.exports = "s1"',
  });
  const agent = await watch(sourceOf(dir, 'agent', 'router'));
  const server = await watch(sourceOf(dir, 'server'));
  await write('hooks/server.js', 'module.exports = "s2"');
  await server.told(1);
  // A broken file of the other hook affects no other hook either.
  await write('hooks/server.js', 'module.exports = (');
  await server.told(2);
  await write('hooks/agent.js', 'module.exports = "a2"');
  await agent.told(1);
  await write('hooks/server.js', 'module.exports = "s3"');
  await server.told(3);
  expect([agent.results, agent.made()]).toEqual([['taken'], { agent: 'a2' }]);
  expect([server.results, server.made()]).toEqual([['taken', 'refused', 'taken'], { server: 's3' }]);
});

test('a file that both import reloads both, and a value is made anew only of what changed', async () => {
  const { dir, write } = await makeProject({
    'lib/name.js': 'exports.name = "one"',
    'hooks/agent.js': 'module.exports = require("../lib/name.js")',
    'hooks/server.local.js': 'module.exports = { ...require("../lib/name.js") }',
  });
  const [agent, server] = await Promise.all([watch(sourceOf(dir, 'agent')), watch(sourceOf(dir, 'server'))]);
  await write('lib/name.js', 'exports.name = "two"');
  await Promise.all([agent.told(1), server.told(1)]);
  expect(agent.made()).toEqual({ agent: { name: 'two' } });
  expect(server.made()).toEqual({ server: { name: 'two' } });
  const source = sourceOf(dir, 'agent', 'server');
  const loaded = await loadHooks(source);
  expect((await loadHooks(source, loaded)).value).toBe(loaded.value);
  await write('lib/name.js', 'exports.name = "three"');
  expect((await loadHooks(source, loaded)).value).not.toBe(loaded.value);
});

test('an edit that the caller cannot adopt is refused, and the last valid one stays', async () => {
  const { dir, write } = await makeProject({ 'hooks/server.js': 'module.exports = "one"' });
  const server = await watch(sourceOf(dir, 'server'), (next) => {
    if ((next.made as { server: string }).server === 'two') throw new Error('cannot be adopted');
  });
  await write('hooks/server.js', 'module.exports = "two"');
  await server.told(1);
  expect([server.results, server.made()]).toEqual([['refused'], { server: 'one' }]);
  await write('hooks/server.js', 'module.exports = "three"');
  await server.told(2);
  expect([server.results, server.made()]).toEqual([['refused', 'taken'], { server: 'three' }]);
});

test('checking says what is wrong with each hook by itself', async () => {
  const { dir } = await makeProject({ 'hooks/agent.js': 'module.exports = "bad"', 'hooks/server.js': '' });
  expect(await checkHookFiles(sourceOf(dir, 'agent', 'server', 'router'))).toEqual([
    { name: 'agent', file: join(dir, 'hooks/agent.js'), problem: expect.stringMatching(/agent\.js: found bad/) },
    { name: 'server', file: join(dir, 'hooks/server.js'), inputs: [join(dir, 'hooks/server.js')] },
    { name: 'router' },
  ]);
});

test('a hook finds a package behind a link after this process has looked at a socket', async () => {
  const { dir } = await makeProject({
    'hooks/agent.local.js': "module.exports = require('library') + 1;",
    'store/node_modules/library/index.js': "module.exports = require('own') + 1;",
    'store/node_modules/own/index.js': 'module.exports = 1;',
  });
  await mkdir(join(dir, 'node_modules'));
  await symlink(join(dir, 'store/node_modules/library'), join(dir, 'node_modules/library'));
  // The loader follows links in folders that it has not seen yet.
  createRequire(import.meta.url)(join(dir, 'store/node_modules/own'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, 'socket'), resolve));
  onTestFinished(() => void server.close());
  const source = sourceOf(dir, 'agent');
  expect(lstatSync(join(dir, 'socket')).isSocket()).toBe(true);
  expect((await loadHooks(source)).value.made).toEqual({ agent: 3 });
});
