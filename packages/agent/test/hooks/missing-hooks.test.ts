import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';

/** Starts an agent with these hook files. @returns the hooks about which it warns */
async function warnedAbout(files: Readonly<Record<string, string>>): Promise<readonly unknown[]> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-hooks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'hooks'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, 'hooks', name), text);
  const { log, lines } = createMemoryLog();
  await startTestAgent({ dir, environment: 'local' }, {}, log);
  return lines.flatMap(({ level, fields }) => (level === 'warn' ? [fields.hook] : []));
}

const target = "{ ip: '127.0.0.1', port: 3001 }";

test.each([
  ['there are no hooks', {}, ['agent', 'onupgrade', 'router']],
  [
    'a product is not public',
    { 'router.js': `module.exports = { default: { targets: ${target}, public: true }, own: ${target} };` },
    ['agent', 'onupgrade'],
  ],
  [
    'a route is not public',
    {
      'router.js': `module.exports = { default: { targets: ${target}, public: true }, routes: [{ path: '/own', product: 'default', public: false }] };`,
    },
    ['agent', 'onupgrade'],
  ],
  ['all is public', { 'router.js': `module.exports = { default: { targets: ${target}, public: true } };` }, []],
  [
    'all is public, and a hook has the name it had before',
    {
      'router.js': `module.exports = { default: { targets: ${target}, public: true } };`,
      'agent-middleware.js': 'module.exports = () => "ann";',
    },
    ['agent'],
  ],
])('an agent warns about missing hooks where clients need them: %s', async (_when, files, warned) => {
  expect(await warnedAbout(files)).toEqual(warned);
});
