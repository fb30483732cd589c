import { once } from 'node:events';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';

test('a reader of the log that goes away does not end gopush', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  running.child.stdout?.destroy();
  running.child.stderr?.destroy();
  for (let round = 0; round < 5; round++) {
    expect((await fetch(`${url}/?user=ann`)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  expect(running.child.exitCode).toBe(null);
  running.child.kill('SIGTERM');
  const [code] = await once(running.child, 'exit');
  expect(code).toBe(0);
});
