import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../test/support/cli.ts';
import { commandsOfFile } from '../../../test/support/commands.ts';
import { createProject } from '../src/create-project.ts';
import { type TemplateName, templateNames } from '../src/names.ts';

const gopush = commandsOfFile();

test('a project made again in another language keeps its hooks, and has no second ones', async () => {
  const cwd = await makeFolder();
  expect((await gopush(['create', 'app'], { cwd })).code).toBe(0);
  const hooks = await readdir(join(cwd, 'app/hooks'));
  const { code, stdout } = await gopush(['create', 'app', '--typescript'], { cwd });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/kept {2}app\/hooks\/agent\.local\.js/)]);
  expect(await readdir(join(cwd, 'app/hooks'))).toEqual(hooks);
});

/** The texts of all files of a folder. */
async function readAll(dir: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'utf8')])));
}

test.each(Object.keys(templateNames) as TemplateName[])(
  'a project of the template %s stays as it is when it is made again without saying the template',
  async (template) => {
    const dir = await makeFolder();
    await createProject({ dir, template, typescript: false, force: false });
    const before = await readAll(dir);
    const { scripts } = await createProject({ dir, typescript: false, force: false });
    expect(await readAll(dir)).toEqual(before);
    expect(scripts.dev).toBe('dev');
    // Nor does --force take its scripts and libraries away.
    await createProject({ dir, typescript: false, force: true });
    const path = join(dir, 'package.json');
    expect(await readFile(path, 'utf8')).toBe(before[path]);
  },
);

test('--force keeps secrets, and what git ignores', async () => {
  const dir = await makeFolder();
  const chat = { dir, template: 'chat', typescript: false, force: true } as const;
  await createProject(chat);
  const read = (name: string): Promise<string> => readFile(join(dir, name), 'utf8');
  const [secret, ignored] = [await read('.env'), await read('.gitignore')];
  await writeFile(join(dir, '.gitignore'), `${ignored}dumps/`);
  await createProject({ dir, typescript: false, force: true });
  await createProject(chat);
  expect(await read('.env')).toBe(secret);
  expect(await read('.gitignore')).toBe(`${ignored}dumps/`);
});

test('a secret is ignored by git in a folder that has a list of its own', async () => {
  const dir = await makeFolder();
  await writeFile(join(dir, '.gitignore'), '*.tmp');
  await createProject({ dir, template: 'chat', typescript: false, force: false });
  const lines = (await readFile(join(dir, '.gitignore'), 'utf8')).split('\n');
  expect(lines).toEqual(['*.tmp', 'node_modules/', '.gopush/', '*.log', '.env', '.accounts/', '']);
});
