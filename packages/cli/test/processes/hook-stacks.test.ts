import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeProject, type RunningCommand, startGopush } from '../../../../test/support/cli.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

/** A project of JSON lines with these files instead of its hooks. */
async function start(files: Readonly<Record<string, string>>, folder = 'hooks') {
  const project = await makeProject({ serverWorkers: 1, log: { requests: false } });
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dirname(join(project.dir, name)), { recursive: true });
    await writeFile(join(project.dir, name), text);
  };
  for (const hook of ['agent', 'onupgrade']) await rm(join(project.dir, `hooks/${hook}.local.js`));
  if (folder !== 'hooks') await rename(join(project.dir, 'hooks'), join(project.dir, folder));
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const running = startGopush(['start'], { cwd: project.dir, env: { NODE_OPTIONS: '' } });
  await running.until(/gopush is ready/);
  return { ...project, running, write };
}

/** The lines of the stack that the log has of the last error, without the project's folder. */
async function lastStack(running: RunningCommand, dir: string, message: string): Promise<string[]> {
  await running.until(new RegExp(`"stack":"Error: ${message}`));
  const line =
    running
      .stdout()
      .split('\n')
      .findLast((one) => one.includes(`"stack":"Error: ${message}`)) ?? '{}';
  const { stack } = JSON.parse(line).err as { stack: string };
  return stack.split('\n').flatMap((one) => {
    const [, place] = /at .*?\(?(?:file:\/\/)?(\/[^()]+)\)?$/.exec(one) ?? [];
    return place?.startsWith(`${dir}/`) ? [place.slice(dir.length + 1)] : [];
  });
}

test('imported files are named, through awaits, JSON, an old hook folder and edits; in agents and push-servers', async () => {
  const files = {
    'hook/agent.local.mjs': `import { find } from '../lib/find.ts';\nimport settings from '../lib/settings.json';\n\nexport default async (request) => {\n  if (request.query.fail === undefined) return 'ann';\n  return await find(settings.name);\n};\n`,
    'lib/find.ts': `type Name = string;\n\nexport async function find(name: Name): Promise<string> {\n  await Promise.resolve();\n  throw new Error(\`no \${name}\`);\n}\n`,
    'lib/settings.json': '{\n  "name": "bob"\n}\n',
    'hook/server.local.cjs': `const { deny } = require('../lib/deny.cjs');\nmodule.exports = {\n  canJoin: (client, room) => deny(room),\n};\n`,
    'lib/deny.cjs': `exports.deny = (room) => {\n  // no rooms today\n  throw new Error('closed');\n};\n`,
  };
  const { running, dir, url, write } = await start(files, 'hook');
  expect((await fetch(`${url}?fail`)).status).toBe(500);
  expect(await lastStack(running, dir, 'no bob')).toEqual(['lib/find.ts:5:9', 'hook/agent.local.mjs:6:10']);
  const client = await connectClient(url, 'websocket');
  expect(await client.emitWithAck('go:join', 'a')).toMatchObject({ error: { code: 'server_hook_threw' } });
  expect(await lastStack(running, dir, 'closed')).toEqual(['lib/deny.cjs:3:9', 'hook/server.local.cjs:3:30']);
  await write('lib/find.ts', `// moved\n\n${files['lib/find.ts'].replace('no ', 'none ')}`);
  await running.until(/hooks reloaded/);
  expect((await fetch(`${url}?fail`)).status).toBe(500);
  expect(await lastStack(running, dir, 'none bob')).toEqual(['lib/find.ts:7:9', 'hook/agent.local.mjs:6:10']);
  // Broken edits name the file that is broken, too.
  await write('lib/find.ts', 'export const a = 1;\nexport const find = (;\n');
  await running.until(/lib\/find\.ts, which it imports: line 2, column 22/);
  await write('lib/settings.json', '{\n  "name": bob\n}');
  await write('lib/find.ts', 'export const find = (name: string) => name;\n');
  await running.until(/lib\/settings\.json, which it imports: line 2, column 11/);
  await write('lib/settings.json', '{}');
  await write(
    'lib/find.ts',
    '// one\nimport { readFileSync } from "node:fs";\nexport const find = readFileSync("/nowhere", "utf8");\n',
  );
  await running.until(/it throws when loaded: ENOENT.*\/lib\/find\.ts:3:21\)/);
});

test('what a hook throws later ends the process with the line as written', async () => {
  const text = `// one\nconst later: () => never = () => {\n  throw new Error('later');\n};\nexport default () => { setTimeout(later, 1); return 'ann'; };\n`;
  const { running, dir, url } = await start({ 'hooks/agent.local.ts': text });
  await fetch(url).catch(() => {});
  await running.until(/Error: later\n[\s\S]*agent\.local\.ts:3:9/);
  expect(dir).not.toBe('');
});

test('check names the place of what is thrown at load, and of what is imported', async () => {
  const { dir } = await makeProject();
  const hook = join(dir, 'hooks/agent.local.js');
  await writeFile(join(dir, 'hooks/lib.js'), '// one\nexport function name() {\n  return undefinedName.x;\n}\n');
  await writeFile(hook, `import { name } from './lib.js';\n\nname();\n${await readFile(hook, 'utf8')}`);
  const { code, stdout } = await gopush(['check', '--no-ports'], { cwd: dir });
  expect([code, stdout]).toEqual([
    2,
    expect.stringMatching(
      /hook agent: .*agent\.local\.js: it throws when loaded: undefinedName is not defined \(.*\/hooks\/lib\.js:3:3\)/,
    ),
  ]);
});
