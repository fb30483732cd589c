import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../test/support/cli.ts';
import { packPackages } from './support/packed-packages.ts';
import { tryProject } from './support/try-project.ts';

const { npxCreate, npmInstall } = packPackages();

test.each([
  ['JavaScript', [], 'js'],
  ['TypeScript', ['--typescript'], 'ts'],
])(
  'an empty folder becomes a complete project in %s that runs',
  { timeout: 240_000 },
  async (_name, args, extension) => {
    const cwd = await makeFolder();
    const said = await npxCreate(cwd, 'app', ...args);
    expect(said).toMatch(/Next:\n {2}cd app\n {2}npm install\n {2}npm run dev/);
    const dir = join(cwd, 'app');
    expect((await readdir(join(dir, 'hooks'))).sort()).toEqual(
      ['agent', 'onupgrade', 'router'].flatMap((hook) => [
        `${hook}.local.${extension}`,
        `${hook}.production.${extension}`,
      ]),
    );
    await npmInstall(dir);
    const config = JSON.parse((await readFile(join(dir, 'config/local.json'), 'utf8')).replace(/^\s*\/\/.*$/gm, ''));
    expect(JSON.parse(await readFile(join(dir, 'config', config.$schema), 'utf8'))).toHaveProperty(
      'properties.agentPort',
    );
    await tryProject(dir, 'start');
  },
);

test('an existing CommonJS project gets a gopush folder and scripts, and nothing of it is overwritten', {
  timeout: 240_000,
}, async () => {
  const dir = await makeFolder();
  await writeFile(
    join(dir, 'package.json'),
    '{\n\t"name": "mine",\n\t"scripts": { "gopush": "echo mine", "test": "true" }\n}\n',
  );
  await mkdir(join(dir, 'gopush/hooks'), { recursive: true });
  await writeFile(join(dir, 'gopush/hooks/router.local.mjs'), 'export default { default: "push-server" }; // mine\n');
  const said = await npxCreate(dir);
  expect(said).toMatch(/kept {2}gopush\/hooks\/router\.local\.mjs \(--force overwrites\)/);
  expect(said).toMatch(/kept {2}package\.json: script gopush \(--force overwrites\)/);
  expect(await readFile(join(dir, 'gopush/hooks/router.local.mjs'), 'utf8')).toMatch(/mine/);
  const pkg = await readFile(join(dir, 'package.json'), 'utf8');
  expect(pkg).toMatch(/^\t"name": "mine"/m);
  expect(JSON.parse(pkg).scripts).toMatchObject({
    gopush: 'echo mine',
    test: 'true',
    'gopush:dev': 'gopush --dir gopush dev',
  });
  await npmInstall(dir);
  await tryProject(dir, 'gopush:dev');

  await npxCreate(dir, '--force');
  expect(await readFile(join(dir, 'gopush/hooks/router.local.mjs'), 'utf8')).not.toMatch(/mine/);
  expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')).scripts.gopush).toBe(
    'gopush --dir gopush start',
  );
});
