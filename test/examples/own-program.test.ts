import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('examples/own-program talks in a room and ends by itself', async () => {
  const { stdout, stderr } = await run(process.execPath, ['examples/own-program/main.js'], { timeout: 20_000 });
  expect(stdout).toMatch(
    /^agent at http:\/\/127\.0\.0\.1:\d+\nbob hears \{ room: 'lobby', event: 'chat', message: 'hello bob' \}\n$/,
  );
  expect(stderr).toBe('');
});
