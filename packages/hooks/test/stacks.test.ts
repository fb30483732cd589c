import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { evaluateHook } from '../src/compile-hook.ts';

const hooks = fileURLToPath(new URL('../dist/index.js', import.meta.url));

/** Loads the hook `agent` in a process of its own, calls it, and gives what became of that. */
async function run(file: string, text: string): Promise<{ readonly message: string; readonly frames: string[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-stacks-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'package.json'), '{}');
  await writeFile(join(dir, `agent.${file}`), text);
  const script = `import { loadHooks } from ${JSON.stringify(hooks)};
    import { mkdirSync, renameSync } from 'node:fs';
    mkdirSync('hooks');
    renameSync('agent.${file}', 'hooks/agent.${file}');
    const location = { dir: process.cwd(), environment: 'local' };
    try {
      const { value } = await loadHooks({ location, names: ['agent'], make: ({ agent }) => agent });
      await value({});
    } catch (error) {
      console.log(JSON.stringify({ message: error.message, stack: error.stack }));
    }`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 30_000,
  });
  const { message, stack } = JSON.parse(printed) as { message: string; stack: string };
  const frames = [...stack.matchAll(/\/hooks\/(agent\.\w+:\d+:\d+)\)?$/gm)].map(([, frame]) => frame as string);
  return { message: message.replaceAll(`${dir}/hooks/`, ''), frames };
}

test.each([
  [
    'CommonJS',
    'cjs',
    `// one\nconst who = () => {\n  throw new Error('here');\n};\nmodule.exports = (request) => who(request);\n`,
    'module.exports = (request) => who(',
  ],
  [
    'an ES module',
    'mjs',
    `import { join } from 'node:path';\nconst who = () => {\n  throw new Error(join('here'));\n};\nexport default (request) => who(request);\n`,
    'export default (request) => who(',
  ],
  [
    'TypeScript',
    'ts',
    `interface Request { url: string }\nconst who = (): string => {\n  throw new Error('here');\n};\nexport default (request: Request): string => who();\n`,
    'export default (request: Request): string => who(',
  ],
  [
    'a file that asks where it is',
    'cjs',
    `'use strict';\nconst who = () => {\n  throw new Error('here' + __dirname.slice(0, 0));\n};\nmodule.exports = () => who();\n`,
    'module.exports = () => who(',
  ],
  [
    'a script',
    'mjs',
    `#!/usr/bin/env node\nconst who = () => {\n  throw new Error('here' + import.meta.url.slice(0, 0));\n};\nexport default () => who();\n`,
    'export default () => who(',
  ],
])('a throw in %s has the lines as they were written', async (_what, extension, text, before) => {
  const { message, frames } = await run(extension, text);
  const file = `agent.${extension}`;
  expect([message, frames]).toEqual(['here', [`${file}:3:9`, `${file}:5:${before.length - 3}`]]);
});

test('after an await the frames are named as well', async () => {
  const text = `const later = async (): Promise<never> => {\n  await Promise.resolve();\n  throw new Error('here');\n};\n\nexport default async () => {\n  await later();\n};\n`;
  expect((await run('ts', text)).frames).toEqual(['agent.ts:3:9', 'agent.ts:7:3']);
});

test('strict code stays strict although its place is written before it', async () => {
  const text = `'use strict';\nmodule.exports = () => { undeclared = __filename; };\n`;
  expect((await run('cjs', text)).message).toBe('undeclared is not defined');
});

test.each([
  [
    'process.exit',
    'process.exit(0);',
    /agent\.cjs: it throws when loaded: it calls process\.exit\(0\), which hooks must not do \(agent\.cjs:2:9\)/,
  ],
  ['process.exit on a mistake', 'if (!process.env.NOWHERE) process.exit(1);', /it calls process\.exit\(1\)/],
])('%s while a hook is loaded is an error of that hook', async (_what, text, message) => {
  expect((await run('cjs', `// one\n${text}\nmodule.exports = () => 'ann';\n`)).message).toMatch(message);
});

test('a loop without an end while a hook is loaded is an error of that hook, and the process goes on', () => {
  const bundle = { hook: 'agent', file: '/hooks/agent.cjs', code: 'for (;;);', inputs: [] };
  expect(() => evaluateHook(bundle, 100)).toThrow(
    '/hooks/agent.cjs: it throws when loaded: it did not load within 100 ms',
  );
  expect(evaluateHook({ ...bundle, code: 'module.exports = 1' }, 100)).toBe(1);
});
