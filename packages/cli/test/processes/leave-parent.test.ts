import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { makeProject } from '../../../../test/support/cli.ts';

const program = fileURLToPath(new URL('../programs/busy-parent.mjs', import.meta.url));
const worker = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));

/** How long the parent stands still, in milliseconds: clients connect, then the agent ends. */
const stillMs = 2_000;

test('an agent that stops while its parent is busy leaves no client without a response', {
  timeout: 60_000,
}, async () => {
  const { dir, url } = await makeProject({
    // After the clients have connected, and before the parent continues.
    agent: { notReadyMs: 500, drainMs: 200 },
    admin: null,
    // There is no push-server: an agent that has got a request says so at once.
    hold: { timeoutMs: 0 },
  });
  const parent = fork(program, [worker, dir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  onTestFinished(() => void parent.kill('SIGKILL'));
  expect(await once(parent, 'message')).toEqual(['ready', undefined]);
  parent.send(stillMs);
  await once(parent, 'message');
  const asked = Array.from({ length: 8 }, () =>
    fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(stillMs * 4) }).then(
      ({ status }) => status > 0,
      (error: Error) => error.name,
    ),
  );
  expect(await Promise.all(asked)).toEqual(asked.map(() => true));
});
