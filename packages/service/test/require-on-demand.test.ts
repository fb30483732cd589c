import { lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { followLinks, requireOnDemand } from '../src/require-on-demand.ts';

/** A folder in which `library` is a link, as pnpm makes it, to a package that requires another one beside it. */
function projectWithLink(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'gopush-test-')));
  onTestFinished(() => {
    rmSync(dir, { recursive: true });
    followLinks();
  });
  const files = {
    'first.cjs': '',
    'store/node_modules/library/index.js': "module.exports = require('own') + 1;",
    'store/node_modules/own/index.js': 'module.exports = 1;',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(join(dir, 'store/node_modules/library'), join(dir, 'node_modules/library'));
  // The loader follows links in folders that it has not seen yet.
  createRequire(import.meta.url)(join(dir, 'first.cjs'));
  return dir;
}

test('a library behind a link is loaded on demand after this process has looked at a socket', async () => {
  const dir = projectWithLink();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, 'socket'), resolve));
  onTestFinished(() => void server.close());
  expect(lstatSync(join(dir, 'socket')).isSocket()).toBe(true);
  expect(requireOnDemand(pathToFileURL(join(dir, 'index.js')).href)('library')).toBe(2);
});
