import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gopush, makeProject, startGopush } from '../../../../test/support/cli.ts';

test.each(['storeDir', 'fanoutDir'])(
  'a process whose %s cannot be used ends with one line that says so',
  async (key) => {
    const { dir } = await makeProject({ redisAdapter: null, pushServer: { [key]: 'file/folder' } });
    await writeFile(join(dir, 'file'), '');
    const { code, stderr } = await gopush(['start', 'push-server'], { cwd: dir });
    expect(code).toBe(1);
    const lines = new Set(stderr.trim().split('\n'));
    const setting = `pushServer.${key}`;
    expect([...lines]).toEqual([
      expect.stringMatching(`^gopush: ${setting}: .*ENOTDIR.*file/folder.*: fix that, or change ${setting}$`),
    ]);
  },
);

test('it is said at the start that the folder of files does not exist', async () => {
  const { dir } = await makeProject({ pushServer: { publicDir: 'nowhere' } });
  const running = startGopush(['start', 'push-server'], { cwd: dir });
  await running.until(/nowhere.*pushServer\.publicDir does not exist/);
});
