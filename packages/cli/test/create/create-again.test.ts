import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeFolder } from '../../../../test/support/cli.ts';

test('a project made again in another language keeps its hooks, and has no second ones', async () => {
  const cwd = await makeFolder();
  expect((await gopush(['create', 'app'], { cwd })).code).toBe(0);
  const hooks = await readdir(join(cwd, 'app/hooks'));
  const { code, stdout } = await gopush(['create', 'app', '--typescript'], { cwd });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/kept {2}app\/hooks\/agent\.local\.js/)]);
  expect(await readdir(join(cwd, 'app/hooks'))).toEqual(hooks);
});
