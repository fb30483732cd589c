import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../test/support/cli.ts';
import { commandsOfFile } from '../../../test/support/commands.ts';

const gopush = commandsOfFile();

test.each([
  [{ name: '@acme/shop' }, 'acme-shop'],
  [{}, 'folder'],
])('in the package %j the processes are named %s-…, unlike those of other projects', async (pkg, name) => {
  const dir = join(await makeFolder(), 'folder');
  await mkdir(dir);
  await writeFile(join(dir, 'package.json'), JSON.stringify(pkg));
  expect((await gopush(['create', dir])).code).toBe(0);
  expect(await readFile(join(dir, 'gopush/ecosystem.config.cjs'), 'utf8')).toContain(`name: \`${name}-\${tier}\``);
});
